/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/**
 * @file farm.h
 * @brief The description of a farm: its token format, servers, balancers and services.
 * @defgroup farm Farm file
 *
 * One YAML file says what a farm is, and the tool, the balancer and the server agent all read it.
 * Its format is in docs/farm-file.md. This is a library of its own, libmptcplb-farm, so that the
 * core library depends on no YAML parser.
 *
 * Contract
 * - mptcplb_farm_load() checks everything or returns nothing; a farm that it returns is sound:
 *   names, addresses and ids are unique, every reference resolves, every number is in range, and
 *   the addresses of servers and balancers are all IPv4 or all IPv6.
 * - The farm and all it points to belong to the caller until mptcplb_farm_free(), which wipes the
 *   secrets. It is read-only, so any number of threads may read it.
 * - Error texts name the file, the line, the value and what was expected. They never contain a
 *   secret.
 * - The ABI is that of one minor version, which the SONAME names: structs grow with the file's
 *   format, and callers step through arrays of them.
 * @{
 */
#ifndef MPTCPLB_FARM_H
#define MPTCPLB_FARM_H

#include <stddef.h>
#include <stdint.h>

#include <mptcplb/attributes.h>
#include <mptcplb/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Length of the longest name of a server or balancer, in bytes. */
#define MPTCPLB_FARM_NAME_MAX 63
/** Room for an error text with its NUL. */
#define MPTCPLB_FARM_ERROR_SIZE 512
/** Room for an address as text with its NUL (INET6_ADDRSTRLEN). */
#define MPTCPLB_FARM_ADDRESS_TEXT_SIZE 46

/** An IPv4 or IPv6 address. */
struct mptcplb_farm_address {
	uint8_t version; /**< 4 or 6 */
	uint8_t bytes[16]; /**< network byte order: 4 bytes and 12 zeros, or 16 bytes */
};

/** What a server takes on. */
enum mptcplb_farm_state {
	MPTCPLB_FARM_UP = 0, /**< new connections and joins */
	MPTCPLB_FARM_DRAINING, /**< joins of its connections only */
	MPTCPLB_FARM_DOWN, /**< nothing */
};

/** A server. */
struct mptcplb_farm_server {
	const char *name; /**< unique among servers and balancers */
	struct mptcplb_farm_address address; /**< where balancers send its packets */
	const uint32_t *ids; /**< server ids that it owns, ascending */
	size_t id_count; /**< at least 1 */
	enum mptcplb_farm_state state; /**< up when the file does not say */
	uint32_t weight; /**< share of new connections, 1 to 1000; 100 by default */
	uint32_t peak_connections; /**< most live connections at once; 0 when not given */
};

/** A balancer. */
struct mptcplb_farm_balancer {
	const char *name; /**< unique among servers and balancers */
	struct mptcplb_farm_address address; /**< source of the packets it sends to servers */
};

/** An address and port, or a range of ports, that servers of the farm answer on. */
struct mptcplb_farm_service {
	struct mptcplb_farm_address address; /**< what clients connect to */
	uint16_t port; /**< 1 to 65535, host byte order */
	uint16_t port_last; /**< of the range that starts with port; port itself when it is one */
	/** Servers that answer, as indices into mptcplb_farm::servers, ascending. */
	const uint32_t *servers;
	size_t server_count; /**< at least 1; all servers when the file does not say */
};

/** A farm. */
struct mptcplb_farm {
	struct mptcplb_keyring keyring; /**< format parameters and secrets */
	const struct mptcplb_farm_server *servers; /**< in the order of the file */
	size_t server_count; /**< at least 1 */
	const struct mptcplb_farm_balancer *balancers; /**< in the order of the file */
	size_t balancer_count; /**< 0 or more */
	const struct mptcplb_farm_service *services; /**< in the order of the file */
	size_t service_count; /**< 0 or more */
};

/** Why a farm file was refused. */
struct mptcplb_farm_error {
	/** "FILE:LINE: what is wrong and what was expected", or "FILE: …"; no newline. */
	char text[MPTCPLB_FARM_ERROR_SIZE];
};

/**
 * Read and check a farm file and the secret files that it names.
 *
 * Refused, among others: secrets of the wrong length; a file that is not a regular one, or that
 * others than owner and group can write; a secret file, or a farm file with secrets in it, that
 * these can read.
 *
 * @param path        of the file. Relative paths of secret files start at its directory.
 * @param[out] error  filled when NULL is returned.
 * @return a farm, to be freed with mptcplb_farm_free(), or NULL.
 */
MPTCPLB_API struct mptcplb_farm *mptcplb_farm_load(const char *path,
						   struct mptcplb_farm_error *error)
	MPTCPLB_MUST_CHECK MPTCPLB_NONNULL(1, 2);

/** Wipe the secrets of a farm and free it. NULL is allowed. */
MPTCPLB_API void mptcplb_farm_free(struct mptcplb_farm *farm);

/** The server that owns an id, or NULL when none does. */
MPTCPLB_API const struct mptcplb_farm_server *mptcplb_farm_owner(const struct mptcplb_farm *farm,
								 uint32_t server_id)
	MPTCPLB_NONNULL(1);

/** The server of a name, or NULL when there is none. */
MPTCPLB_API const struct mptcplb_farm_server *
mptcplb_farm_server_by_name(const struct mptcplb_farm *farm, const char *name)
	MPTCPLB_NONNULL(1, 2);

/** Whether a server answers on a service; both belong to @p farm. */
MPTCPLB_API int mptcplb_farm_serves(const struct mptcplb_farm *farm,
				    const struct mptcplb_farm_service *service,
				    const struct mptcplb_farm_server *server)
	MPTCPLB_NONNULL(1, 2, 3);

/**
 * A check value of all that a farm file says, whatever the order of its members and services: two
 * machines on which it is the same have the same farm. It tells nothing of the secrets. It guards
 * against slips, not against somebody who wants two farms to have one digest, and another version
 * of the library may have another.
 */
MPTCPLB_API uint64_t mptcplb_farm_digest(const struct mptcplb_farm *farm) MPTCPLB_NONNULL(1);

/**
 * An address as text, e.g. "192.0.2.1" or "2001:db8::1".
 *
 * @param address    an address of version 4 or 6.
 * @param[out] text  MPTCPLB_FARM_ADDRESS_TEXT_SIZE bytes.
 * @return @p text.
 */
MPTCPLB_API const char *mptcplb_farm_address_text(const struct mptcplb_farm_address *address,
						  char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE])
	MPTCPLB_NONNULL(1, 2);

/** "up", "draining" or "down". */
MPTCPLB_API const char *mptcplb_farm_state_text(enum mptcplb_farm_state state);

#ifdef __cplusplus
}
#endif

/** @} */
#endif
