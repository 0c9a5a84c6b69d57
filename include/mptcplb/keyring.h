/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file keyring.h
 * @brief The secrets of up to four epochs, and the format parameters of a farm's tokens.
 * @defgroup keyring Keyring
 *
 * A keyring is what servers and balancers of one farm share: how many bits of a token name the
 * epoch and the server, and for each epoch a secret of 16 bytes. The struct is in core.h, since
 * packet paths read it; the functions here are the ones that fill it.
 *
 * Contract
 * - The caller owns the memory; nothing is allocated. Copy a keyring by assignment.
 * - A function that fails leaves the keyring as it was.
 * - A keyring that is all zero, not initialised yet or wiped, takes no secret and knows no epoch.
 * - Functions that change a keyring must not run beside any other use of the same keyring.
 *   To change one that packet paths read, change a copy and publish that.
 *
 * Rotation (docs/token-format.md, "Epochs"): balancers learn the new epoch with
 * mptcplb_keyring_add(), then servers do and mint in it with mptcplb_keyring_activate(), and the
 * old one is taken out with mptcplb_keyring_retire() when its last connection is gone. The active
 * epoch cannot be taken out: a balancer, which mints nothing, activates the new one, too, before it
 * retires the old one. A slot should stay empty for a while before it is used again, or old tokens
 * decode to wrong ids.
 * @{
 */
#ifndef MPTCPLB_KEYRING_H
#define MPTCPLB_KEYRING_H

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>
#include <mptcplb/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Start an empty keyring.
 *
 * @param[out] keyring    no secrets; active epoch 0.
 * @param epoch_bits      e, 0 to MPTCPLB_EPOCH_BITS_MAX. With 0 there is one epoch and no
 *                        rotation; 1 is the usual choice.
 * @param server_id_bits  b, MPTCPLB_SERVER_ID_BITS_MIN to MPTCPLB_SERVER_ID_BITS_MAX.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT  a number of bits is out of range.
 */
MPTCPLB_API int mptcplb_keyring_init(struct mptcplb_keyring *keyring, unsigned int epoch_bits,
				     unsigned int server_id_bits)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1);

/**
 * Put a secret into an epoch's empty slot.
 *
 * @param[in,out] keyring  an initialised keyring.
 * @param epoch            0 to 2^epoch_bits - 1.
 * @param secret           MPTCPLB_SECRET_SIZE random bytes, copied; never used by another farm.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_ARGUMENT        the epoch does not fit into epoch_bits, or the keyring is not
 *                                     initialised.
 * @retval MPTCPLB_ERR_SECRET_ZERO     the secret is all zero: nobody drew it.
 * @retval MPTCPLB_ERR_EPOCH_OCCUPIED  the epoch has a secret already.
 * @retval MPTCPLB_ERR_SECRET_REUSED   another epoch has this secret.
 */
MPTCPLB_API int mptcplb_keyring_add(struct mptcplb_keyring *keyring, uint32_t epoch,
				    const uint8_t secret[MPTCPLB_SECRET_SIZE])
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 3);

/**
 * Choose the epoch that new tokens are minted in.
 *
 * @param[in,out] keyring  an initialised keyring.
 * @param epoch            one that has a secret.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN  the epoch has no secret.
 */
MPTCPLB_API int mptcplb_keyring_activate(struct mptcplb_keyring *keyring, uint32_t epoch)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1);

/**
 * Take an epoch's secret out and wipe it. Its tokens are unknown from then on.
 *
 * @param[in,out] keyring  an initialised keyring.
 * @param epoch            one that has a secret and is not the active one.
 * @retval MPTCPLB_OK
 * @retval MPTCPLB_ERR_EPOCH_UNKNOWN  the epoch has no secret.
 * @retval MPTCPLB_ERR_EPOCH_ACTIVE   it is the active epoch.
 */
MPTCPLB_API int mptcplb_keyring_retire(struct mptcplb_keyring *keyring, uint32_t epoch)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1);

/** How many nonces a server id has: 2^(32 - epoch_bits - server_id_bits), 0 without those. */
MPTCPLB_API uint32_t mptcplb_keyring_nonce_count(const struct mptcplb_keyring *keyring)
	MPTCPLB_NONNULL(1);

/** Overwrite a keyring and all its secrets with zeros. */
MPTCPLB_API void mptcplb_keyring_wipe(struct mptcplb_keyring *keyring) MPTCPLB_NONNULL(1);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
