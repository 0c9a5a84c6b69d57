# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The token format written once more, from docs/token-format.md alone.

This is the independent model that the vectors of the tests come from. It shares no code with the
library: SipHash, the Feistel network and the key derivations are written from their
specifications, in plain Python integers and bytes.
"""

import hashlib
import hmac

MASK64 = (1 << 64) - 1
ROUNDS = 10


def _rotl(x, n):
    return ((x << n) | (x >> (64 - n))) & MASK64


def _sipround(v0, v1, v2, v3):
    v0 = (v0 + v1) & MASK64
    v1 = _rotl(v1, 13) ^ v0
    v0 = _rotl(v0, 32)
    v2 = (v2 + v3) & MASK64
    v3 = _rotl(v3, 16) ^ v2
    v0 = (v0 + v3) & MASK64
    v3 = _rotl(v3, 21) ^ v0
    v2 = (v2 + v1) & MASK64
    v1 = _rotl(v1, 17) ^ v2
    v2 = _rotl(v2, 32)
    return v0, v1, v2, v3


def siphash24(key, msg):
    """SipHash-2-4 of a message of any length; the 8 output bytes as a little-endian integer."""
    k0 = int.from_bytes(key[:8], "little")
    k1 = int.from_bytes(key[8:16], "little")
    v = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    padded = msg + bytes(7 - len(msg) % 8) + bytes([len(msg) % 256])
    for i in range(0, len(padded), 8):
        m = int.from_bytes(padded[i:i + 8], "little")
        v = (v[0], v[1], v[2], v[3] ^ m)
        v = _sipround(*_sipround(*v))
        v = (v[0] ^ m, v[1], v[2], v[3])
    v = (v[0], v[1], v[2] ^ 0xFF, v[3])
    for _ in range(4):
        v = _sipround(*v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _f(secret, i, w, x):
    return siphash24(secret, bytes([i, w, x % 256, x // 256]))


def encrypt(secret, w, x):
    """E(Y, w, X)"""
    u = w // 2
    v = w - u
    a, b = x >> v, x % 2 ** v
    for i in range(ROUNDS):
        m = u if i % 2 == 0 else v
        a, b = b, a ^ (_f(secret, i, w, b) % 2 ** m)
    return a << v | b


def decrypt(secret, w, x):
    """D(Y, w, X), the inverse of encrypt()"""
    u = w // 2
    v = w - u
    a, b = x >> v, x % 2 ** v
    for i in reversed(range(ROUNDS)):
        m = u if i % 2 == 0 else v
        a, b = b ^ (_f(secret, i, w, a) % 2 ** m), a
    return a << v | b


def token_encode(secret, e, b, epoch, server_id, nonce):
    """The token of an epoch, a server id and a nonce."""
    w = 32 - e
    return epoch << w | encrypt(secret, w, server_id << (w - b) | nonce)


def token_decode(secret, e, b, token):
    """(epoch, server_id, nonce) of a token whose epoch has this secret."""
    w = 32 - e
    x = decrypt(secret, w, token % 2 ** w)
    return token >> w, x >> (w - b), x % 2 ** (w - b)


def rfc8684_token(key):
    """The token of a key as RFC 8684 has it."""
    return int.from_bytes(hashlib.sha256(key).digest()[:4], "big")


def idsn(key):
    """The initial data sequence number of a key of any mode."""
    return int.from_bytes(hashlib.sha256(key).digest()[-8:], "big")


def implicit_token(key):
    """The token of an implicit key: Z (4 bytes) and K (4 bytes)."""
    return encrypt(key[4:8] + b"mptcplb-impl", 32, int.from_bytes(key[:4], "big"))


def implicit_key(token, k):
    """The implicit key of a token and four bytes K."""
    return decrypt(k + b"mptcplb-impl", 32, token).to_bytes(4, "big") + k


def cookie_nonce(hash_secret, e, b, key):
    """The nonce of the token beside an explicit key, when the SYN/ACK is a SYN cookie."""
    return siphash24(hash_secret, key) % 2 ** (32 - e - b)


def join_hmac(key_local, key_remote, random_local, random_remote):
    """The HMAC-SHA256 of an MP_JOIN that the holder of key_local sends (RFC 8684, section 3.2)."""
    return hmac.new(key_local + key_remote, random_local + random_remote, hashlib.sha256).digest()


def add_addr_hmac(key_sender, key_receiver, address_id, address, port):
    """The HMAC in an ADD_ADDR (RFC 8684, section 3.4.1). Without a port it covers port 0."""
    message = bytes([address_id]) + address + port.to_bytes(2, "big")
    return hmac.new(key_sender + key_receiver, message, hashlib.sha256).digest()[-8:]
