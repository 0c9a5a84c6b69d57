// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/packet.h>

#include <netinet/in.h>
#include <string.h>

#include <mptcplb/core.h>

#define ETHERNET_HEADER_SIZE 14
#define SLL_HEADER_SIZE 16
#define SLL2_HEADER_SIZE 20
#define LOOPBACK_HEADER_SIZE 4
#define VLAN_TAG_SIZE 4
#define IPV4_HEADER_SIZE 20
#define IPV6_HEADER_SIZE 40
#define IPV6_FRAGMENT_HEADER_SIZE 8
#define AUTHENTICATION_HEADER_SIZE 12
#define TCP_HEADER_SIZE 20

enum ethertype {
	TYPE_IPV4 = 0x0800,
	TYPE_VLAN = 0x8100, /* 802.1Q */
	TYPE_IPV6 = 0x86dd,
	TYPE_SERVICE_VLAN = 0x88a8, /* 802.1ad */
	TYPE_OLD_SERVICE_VLAN = 0x9100, /* what switches sent before 802.1ad */
};

/* Address families as loopback headers have them: the systems disagree about IPv6. */
enum family {
	FAMILY_INET = 2,
	FAMILY_INET6_LINUX = 10,
	FAMILY_INET6_NETBSD = 24,
	FAMILY_INET6_FREEBSD = 28,
	FAMILY_INET6_DARWIN = 30,
};

/* What lies behind the headers that were read. */
struct rest {
	const uint8_t *bytes;
	size_t captured; /* how many bytes are there */
	size_t length; /* how many the headers claim */
	bool inside_ip; /* an IP header claims them: a frame may claim less than its packet */
	bool fragment; /* what is missing may be in other fragments */
};

static uint16_t be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Whether the headers claim @size more bytes. */
static int need_claimed(const struct rest *rest, size_t size)
{
	if (size <= rest->length)
		return MPTCPLB_OK;
	return rest->fragment ? MPTCPLB_ERR_TRUNCATED : MPTCPLB_ERR_MALFORMED;
}

/* Whether the next @size bytes can be read. */
static int need(const struct rest *rest, size_t size)
{
	int error = need_claimed(rest, size);

	if (!error && size > rest->captured)
		error = MPTCPLB_ERR_TRUNCATED;
	return error;
}

static int skip(struct rest *rest, size_t size)
{
	int error = need(rest, size);

	if (error)
		return error;
	rest->bytes += size;
	rest->captured -= size;
	rest->length -= size;
	return MPTCPLB_OK;
}

/*
 * Take over the length that an IP header claims: what lies behind it, such as the padding of short
 * Ethernet frames, is left out.
 */
static int limit(struct rest *rest, size_t length)
{
	if (rest->inside_ip && length > rest->length)
		return rest->fragment ? MPTCPLB_OK : MPTCPLB_ERR_MALFORMED;
	rest->length = length;
	if (rest->captured > length)
		rest->captured = length;
	return MPTCPLB_OK;
}

/* Go behind VLAN tags. */
static int version_of_type(struct rest *rest, uint16_t type, uint8_t *version)
{
	while (type == TYPE_VLAN || type == TYPE_SERVICE_VLAN || type == TYPE_OLD_SERVICE_VLAN) {
		const uint8_t *tag = rest->bytes;
		int error = skip(rest, VLAN_TAG_SIZE);

		if (error)
			return error;
		type = be16(tag + 2);
	}
	if (type != TYPE_IPV4 && type != TYPE_IPV6)
		return MPTCPLB_ERR_NOT_TCP;
	*version = type == TYPE_IPV4 ? 4 : 6;
	return MPTCPLB_OK;
}

/* A link header of @size bytes, which says at @type_offset what follows it. */
static int parse_typed_link(struct rest *rest, size_t size, size_t type_offset, uint8_t *version)
{
	const uint8_t *header = rest->bytes;
	int error = skip(rest, size);

	return error ? error : version_of_type(rest, be16(header + type_offset), version);
}

static int parse_loopback(struct rest *rest, uint8_t *version)
{
	const uint8_t *header = rest->bytes;
	int error = skip(rest, LOOPBACK_HEADER_SIZE);

	if (error)
		return error;
	/* every family fits a byte: the first or the last one, by the writer's byte order */
	if (header[1] || header[2] || (header[0] && header[3]))
		return MPTCPLB_ERR_NOT_TCP;
	switch (header[0] | header[3]) {
	case FAMILY_INET:
		*version = 4;
		return MPTCPLB_OK;
	case FAMILY_INET6_LINUX:
	case FAMILY_INET6_NETBSD:
	case FAMILY_INET6_FREEBSD:
	case FAMILY_INET6_DARWIN:
		*version = 6;
		return MPTCPLB_OK;
	default:
		return MPTCPLB_ERR_NOT_TCP;
	}
}

static int parse_raw(const struct rest *rest, uint8_t *version)
{
	int error = need(rest, 1);

	if (error)
		return error;
	*version = rest->bytes[0] >> 4;
	return *version == 4 || *version == 6 ? MPTCPLB_OK : MPTCPLB_ERR_MALFORMED;
}

/* Go behind the link header. @version becomes that of the IP header that follows. */
static int parse_link(struct rest *rest, uint32_t link_type, uint8_t *version)
{
	switch (link_type) {
	case MPTCPLB_LINK_ETHERNET:
		return parse_typed_link(rest, ETHERNET_HEADER_SIZE, 12, version);
	case MPTCPLB_LINK_LINUX_SLL:
		return parse_typed_link(rest, SLL_HEADER_SIZE, 14, version);
	case MPTCPLB_LINK_LINUX_SLL2:
		return parse_typed_link(rest, SLL2_HEADER_SIZE, 0, version);
	case MPTCPLB_LINK_NULL:
	case MPTCPLB_LINK_LOOP:
		return parse_loopback(rest, version);
	case MPTCPLB_LINK_RAW:
	case MPTCPLB_LINK_DLT_RAW:
	case MPTCPLB_LINK_DLT_RAW_OPENBSD:
		return parse_raw(rest, version);
	case MPTCPLB_LINK_IPV4:
		*version = 4;
		return MPTCPLB_OK;
	case MPTCPLB_LINK_IPV6:
		*version = 6;
		return MPTCPLB_OK;
	default:
		return MPTCPLB_ERR_LINK_TYPE;
	}
}

/* Go behind an authentication header (RFC 4302), whose length counts 4 bytes from the third on. */
static int skip_authentication(struct rest *rest, struct mptcplb_packet_ip *ip)
{
	const uint8_t *header = rest->bytes;
	int error = need(rest, AUTHENTICATION_HEADER_SIZE);
	size_t size;

	if (error)
		return error;
	size = ((size_t)header[1] + 2) * 4;
	if (size < AUTHENTICATION_HEADER_SIZE)
		return MPTCPLB_ERR_MALFORMED;
	ip->protocol = header[0];
	return skip(rest, size);
}

/* Go behind an extension header that has its length in units of 8 bytes. */
static int skip_extension(struct rest *rest, struct mptcplb_packet_ip *ip)
{
	const uint8_t *header = rest->bytes;
	int error = need(rest, 2);

	if (error)
		return error;
	ip->protocol = header[0];
	return skip(rest, ((size_t)header[1] + 1) * 8);
}

static int skip_fragment(struct rest *rest, struct mptcplb_packet_ip *ip)
{
	const uint8_t *header = rest->bytes;
	int error = skip(rest, IPV6_FRAGMENT_HEADER_SIZE);
	uint16_t field;

	if (error)
		return error;
	field = be16(header + 2);
	ip->protocol = header[0];
	/* the offset, and whether more fragments follow */
	ip->fragment = (field & 0xfff9) != 0;
	rest->fragment |= ip->fragment;
	return field & 0xfff8 ? MPTCPLB_ERR_FRAGMENT : MPTCPLB_OK;
}

static int parse_ipv4(struct rest *rest, struct mptcplb_packet_ip *ip)
{
	const uint8_t *header = rest->bytes;
	int error = need(rest, IPV4_HEADER_SIZE);
	size_t header_size, length;
	uint16_t field;

	if (error)
		return error;
	header_size = (header[0] & 0xfU) * 4;
	length = be16(header + 2) ? be16(header + 2) : rest->length;
	if (header[0] >> 4 != 4 || header_size < IPV4_HEADER_SIZE || length < header_size)
		return MPTCPLB_ERR_MALFORMED;
	field = be16(header + 6);
	*ip = (struct mptcplb_packet_ip){
		.version = 4,
		.address_length = 4,
		/* the offset, and whether more fragments follow */
		.fragment = (field & 0x3fff) != 0,
		.protocol = header[9],
		.source = header + 12,
		.destination = header + 16,
	};
	error = limit(rest, length);
	rest->fragment |= ip->fragment;
	if (!error)
		error = skip(rest, header_size);
	if (!error && field & 0x1fff)
		error = MPTCPLB_ERR_FRAGMENT;
	while (!error && ip->protocol == IPPROTO_AH)
		error = skip_authentication(rest, ip);
	return error;
}

static int skip_extensions(struct rest *rest, struct mptcplb_packet_ip *ip)
{
	int error = MPTCPLB_OK;

	while (!error) {
		switch (ip->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			error = skip_extension(rest, ip);
			break;
		case IPPROTO_FRAGMENT:
			error = skip_fragment(rest, ip);
			break;
		case IPPROTO_AH:
			error = skip_authentication(rest, ip);
			break;
		default:
			return MPTCPLB_OK;
		}
	}
	return error;
}

static int parse_ipv6(struct rest *rest, struct mptcplb_packet_ip *ip)
{
	const uint8_t *header = rest->bytes;
	int error = skip(rest, IPV6_HEADER_SIZE);
	uint16_t length;

	if (error)
		return error;
	if (header[0] >> 4 != 6)
		return MPTCPLB_ERR_MALFORMED;
	*ip = (struct mptcplb_packet_ip){
		.version = 6,
		.address_length = 16,
		.protocol = header[6],
		.source = header + 8,
		.destination = header + 24,
	};
	/* 0 in a jumbogram (RFC 2675) too */
	length = be16(header + 4);
	if (length)
		error = limit(rest, length);
	return error ? error : skip_extensions(rest, ip);
}

/* Read IP headers until one is followed by something else. */
static int parse_ip(struct mptcplb_packet *packet, struct rest *rest, uint8_t version)
{
	int error;

	for (;;) {
		error = version == 4 ? parse_ipv4(rest, &packet->ip)
				     : parse_ipv6(rest, &packet->ip);
		if (error)
			return error;
		switch (packet->ip.protocol) {
		case IPPROTO_TCP:
			return MPTCPLB_OK;
		case IPPROTO_IPIP:
			version = 4;
			break;
		case IPPROTO_IPV6:
			version = 6;
			break;
		default:
			return MPTCPLB_ERR_NOT_TCP;
		}
		if (packet->outer_count == MPTCPLB_PACKET_IP_MAX - 1)
			return MPTCPLB_ERR_NESTED;
		packet->outer[packet->outer_count++] = packet->ip;
		memset(&packet->ip, 0, sizeof(packet->ip));
		rest->inside_ip = true;
	}
}

static uint32_t clamp32(size_t length)
{
	return length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
}

static int parse_tcp(struct mptcplb_packet *packet, const struct rest *rest)
{
	const uint8_t *header = rest->bytes;
	size_t captured = rest->captured;
	int error = need(rest, TCP_HEADER_SIZE);
	size_t header_size;

	if (error)
		return error;
	header_size = (size_t)(header[12] >> 4) * 4;
	if (header_size < TCP_HEADER_SIZE)
		return MPTCPLB_ERR_MALFORMED;
	error = need_claimed(rest, header_size);
	if (error)
		return error;
	if (captured > header_size) {
		packet->payload = header + header_size;
		packet->payload_captured = clamp32(captured - header_size);
		captured = header_size;
	}
	packet->payload_length = clamp32(rest->length - header_size);
	packet->tcp = header;
	packet->source_port = be16(header);
	packet->destination_port = be16(header + 2);
	packet->sequence_number = mptcplb_core_be32(header + 4);
	packet->acknowledgment_number = mptcplb_core_be32(header + 8);
	packet->flags = header[13];
	packet->window = be16(header + 14);
	packet->options = header + TCP_HEADER_SIZE;
	packet->options_length = (uint8_t)(header_size - TCP_HEADER_SIZE);
	packet->options_captured = (uint8_t)(captured - TCP_HEADER_SIZE);
	return MPTCPLB_OK;
}

int mptcplb_packet_parse(struct mptcplb_packet *packet, uint32_t link_type, const uint8_t *frame,
			 size_t captured, size_t length)
{
	struct rest rest = {
		.bytes = frame,
		.captured = captured,
		.length = length > captured ? length : captured,
	};
	uint8_t version = 0;
	int error;

	memset(packet, 0, sizeof(*packet));
	error = parse_link(&rest, link_type, &version);
	if (!error)
		error = parse_ip(packet, &rest, version);
	if (!error)
		error = parse_tcp(packet, &rest);
	return error;
}
