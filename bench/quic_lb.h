/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What our decoder is measured against: four-pass encryption of draft-ietf-quic-load-balancers,
 * written from section 5.4 of the draft, for server id and nonce of eight bytes together, with
 * OpenSSL's AES-128.
 */
#ifndef MPTCPLB_BENCH_QUIC_LB_H
#define MPTCPLB_BENCH_QUIC_LB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUIC_LB_KEY_SIZE 16
#define QUIC_LB_SIZE 8

struct quic_lb;

/* NULL when OpenSSL fails. */
struct quic_lb *quic_lb_create(const uint8_t key[QUIC_LB_KEY_SIZE]);
void quic_lb_destroy(struct quic_lb *lb);

void quic_lb_encrypt(struct quic_lb *lb, uint8_t bytes[QUIC_LB_SIZE]);
void quic_lb_decrypt(struct quic_lb *lb, uint8_t bytes[QUIC_LB_SIZE]);

#ifdef __x86_64__
#define QUIC_LB_AES_NI
/* The same of many, with the CPU's instructions in the loop itself. Only where it has them. */
void quic_lb_aes_ni_decrypt(const uint8_t key[QUIC_LB_KEY_SIZE], uint8_t (*ids)[QUIC_LB_SIZE],
			    size_t count);
#endif

#ifdef __cplusplus
}
#endif

#endif
