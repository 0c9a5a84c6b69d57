#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Turn vectors.json into a C header:  to_header.py vectors.json vectors.h"""

import json
import sys

STRUCTS = {
    "tokens": ("token_vector", ["epoch_bits", "server_id_bits", "secret", "epoch", "server_id",
                                "nonce", "token"]),
    "rfc8684_keys": ("key_vector", ["key", "token", "idsn"]),
    "implicit_keys": ("key_vector", ["key", "token", "idsn"]),
    "explicit_keys": ("explicit_key_vector", ["key", "idsn"]),
    "cookies": ("cookie_vector", ["epoch_bits", "server_id_bits", "hash_secret", "key", "nonce"]),
    "joins": ("join_vector", ["key_a", "key_b", "random_a", "random_b", "hmac_a", "hmac_b"]),
    "add_addrs": ("add_addr_vector", ["sender_key", "receiver_key", "address_id", "address", "port",
                                      "hmac"]),
    "siphash": ("siphash_vector", ["key", "message", "hash"]),
}

DECLARATIONS = """\
/* Made from vectors.json by to_header.py. */
#include <stddef.h>
#include <stdint.h>

struct token_vector {
	unsigned int epoch_bits, server_id_bits;
	uint8_t secret[16];
	uint32_t epoch, server_id, nonce, token;
};

struct key_vector {
	uint8_t key[8];
	uint32_t token;
	uint64_t idsn;
};

/* A key or an address of any of the lengths that there are. */
struct sized_bytes {
	size_t size;
	uint8_t bytes[16];
};

struct explicit_key_vector {
	struct sized_bytes key;
	uint64_t idsn;
};

struct cookie_vector {
	unsigned int epoch_bits, server_id_bits;
	uint8_t hash_secret[16];
	struct sized_bytes key;
	uint32_t nonce;
};

struct join_vector {
	struct sized_bytes key_a, key_b;
	uint32_t random_a, random_b;
	uint8_t hmac_a[32], hmac_b[32];
};

struct add_addr_vector {
	struct sized_bytes sender_key, receiver_key;
	uint8_t address_id;
	struct sized_bytes address;
	int port; /* -1 for none */
	uint8_t hmac[8];
};

struct siphash_vector {
	uint8_t key[16], message[4];
	uint64_t hash;
};
"""
BYTE_STRINGS = {"secret", "hash_secret", "message", "hmac_a", "hmac_b", "hmac"}
SIZED = {"key", "key_a", "key_b", "sender_key", "receiver_key", "address"}
KEYS_OF_ONE_SIZE = {"rfc8684_keys", "implicit_keys", "siphash"}


def braces(value):
    return "{ " + ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(value)) + " }"


def literal(name, field, value):
    if field in BYTE_STRINGS or field == "key" and name in KEYS_OF_ONE_SIZE:
        return braces(value)
    if field in SIZED:
        return f"{{ {len(value) // 2}, {braces(value)} }}"
    if isinstance(value, str):
        return f"0x{value}ULL"
    return str(value)


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        made = json.load(file)
    with open(sys.argv[2], "w", encoding="ascii") as out:
        out.write(DECLARATIONS)
        for name, (struct, fields) in STRUCTS.items():
            out.write(f"\nstatic const struct {struct} {name}_vectors[] = {{\n")
            for row in made[name]:
                values = ", ".join(literal(name, field, row[field]) for field in fields)
                out.write(f"\t{{ {values} }},\n")
            out.write("};\n")


if __name__ == "__main__":
    main()
