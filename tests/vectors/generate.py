#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Make the vectors of the tests with the independent model, the same ones each time.

    generate.py > vectors.json
    generate.py --check vectors.json     says whether the file is what the model gives
"""

import hashlib
import json
import sys

import model

# docs/token-format.md gives these; a model that disagrees with them is wrong.
EXAMPLES = [
    (0, 19, "df6af1d8303e61cdc4bb86c3d1c42710", 0, 123646, 8117, "1b8a96b3"),
    (1, 10, "3f1c7a52e0d94b8896a5c10b7e2d6f43", 1, 700, 1234567, "9740eacc"),
    (2, 14, "760e819b85c924c3597164c4a6058a00", 3, 8727, 29984, "d72cc3a4"),
    (2, 16, "1bcccea696762e6116c6e9c92d99bf35", 0, 63944, 928, "30946fa6"),
]
IMPLICIT_EXAMPLE = ("d7408048e66cb0e4", "30946fa6")
TOKENS = 1000
KEYS = 200


class Draw:
    """Numbers that are the same in each run: SHA-256 of a counter."""

    def __init__(self, name):
        self.name = name
        self.count = 0

    def bytes(self, length):
        self.count += 1
        seed = f"mptcplb vectors {self.name} {self.count}".encode()
        return hashlib.shake_256(seed).digest(length)

    def below(self, limit):
        return int.from_bytes(self.bytes(16), "big") % limit


def token_vectors():
    for e, b, y, epoch, server_id, nonce, token in EXAMPLES:
        made = model.token_encode(bytes.fromhex(y), e, b, epoch, server_id, nonce)
        assert f"{made:08x}" == token, f"the model gives {made:08x}, not {token}"
        yield vector(e, b, y, epoch, server_id, nonce, token)
    draw = Draw("tokens")
    for i in range(TOKENS):
        e = i % 3
        b = 1 + draw.below(24)
        y = draw.bytes(16)
        epoch = draw.below(2 ** e)
        # the ends of both ranges come up as well as their middle
        server_id = (0, 2 ** b - 1, draw.below(2 ** b))[min(i % 7, 2)]
        nonces = 2 ** (32 - e - b)
        nonce = (0, nonces - 1, draw.below(nonces))[min(i % 5, 2)]
        token = model.token_encode(y, e, b, epoch, server_id, nonce)
        assert model.token_decode(y, e, b, token) == (epoch, server_id, nonce)
        assert token != 0
        yield vector(e, b, y.hex(), epoch, server_id, nonce, f"{token:08x}")


def vector(e, b, y, epoch, server_id, nonce, token):
    return {"epoch_bits": e, "server_id_bits": b, "secret": y, "epoch": epoch,
            "server_id": server_id, "nonce": nonce, "token": token}


def key_vectors(name, token_of):
    draw = Draw(name)
    for _ in range(KEYS):
        key = draw.bytes(8)
        yield {"key": key.hex(), "token": f"{token_of(key):08x}", "idsn": f"{model.idsn(key):016x}"}


def explicit_key_vectors():
    """Keys that say nothing about the token: their IDSN alone."""
    draw = Draw("explicit")
    for length in (4, 8, 12) * 20:
        key = draw.bytes(length)
        yield {"key": key.hex(), "idsn": f"{model.idsn(key):016x}"}


def cookie_vectors():
    draw = Draw("cookies")
    for i in range(60):
        e, b = i % 3, 1 + draw.below(24)
        secret, key = draw.bytes(16), draw.bytes((4, 8)[i % 2])
        yield {"epoch_bits": e, "server_id_bits": b, "hash_secret": secret.hex(),
               "key": key.hex(), "nonce": model.cookie_nonce(secret, e, b, key)}


def join_vectors():
    draw = Draw("joins")
    for length_a in (8, 12, 4) * 20:
        key_a, key_b = draw.bytes(length_a), draw.bytes(16 - length_a)
        random_a, random_b = draw.bytes(4), draw.bytes(4)
        yield {"key_a": key_a.hex(), "key_b": key_b.hex(),
               "random_a": random_a.hex(), "random_b": random_b.hex(),
               "hmac_a": model.join_hmac(key_a, key_b, random_a, random_b).hex(),
               "hmac_b": model.join_hmac(key_b, key_a, random_b, random_a).hex()}


def add_addr_vectors():
    draw = Draw("addresses")
    for i, sender in enumerate((8, 12, 4) * 8):
        key_sender, key_receiver = draw.bytes(sender), draw.bytes(16 - sender)
        address_id, address = draw.below(256), draw.bytes((4, 16)[i % 2])
        port = draw.below(65536) if i % 4 < 2 else None
        made = model.add_addr_hmac(key_sender, key_receiver, address_id, address, port or 0)
        yield {"sender_key": key_sender.hex(), "receiver_key": key_receiver.hex(),
               "address_id": address_id, "address": address.hex(),
               "port": -1 if port is None else port, "hmac": made.hex()}


def siphash_vectors():
    """SipHash-2-4 of four bytes, and the vector of the paper's appendix that checks the model."""
    assert model.siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    draw = Draw("siphash")
    for _ in range(32):
        key, message = draw.bytes(16), draw.bytes(4)
        yield {"key": key.hex(), "message": message.hex(),
               "hash": f"{model.siphash24(key, message):016x}"}


def vectors():
    key, token = IMPLICIT_EXAMPLE
    assert f"{model.implicit_token(bytes.fromhex(key)):08x}" == token
    assert model.implicit_key(int(token, 16), bytes.fromhex(key)[4:]).hex() == key
    example = {"key": key, "token": token, "idsn": f"{model.idsn(bytes.fromhex(key)):016x}"}
    return {
        "tokens": list(token_vectors()),
        "rfc8684_keys": list(key_vectors("rfc8684", model.rfc8684_token)),
        "implicit_keys": [example] + list(key_vectors("implicit", model.implicit_token)),
        "explicit_keys": list(explicit_key_vectors()),
        "cookies": list(cookie_vectors()),
        "joins": list(join_vectors()),
        "add_addrs": list(add_addr_vectors()),
        "siphash": list(siphash_vectors()),
    }


def text():
    made = vectors()
    sections = []
    for name, rows in made.items():
        lines = ",\n".join("  " + json.dumps(row) for row in rows)
        sections.append(f' "{name}": [\n{lines}\n ]')
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="ascii") as file:
            if file.read() != text():
                sys.exit(f"{sys.argv[2]}: not what the model gives; make it again with generate.py")
    elif len(sys.argv) == 1:
        sys.stdout.write(text())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
