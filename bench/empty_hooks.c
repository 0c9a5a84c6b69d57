// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Attaches programs that do nothing where the server agent attaches its own, to the interfaces
 * named, until it is killed: for bench/server_setup, which tells what any pair of programs costs.
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "tcx.h"

static int load(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "nothing", "GPL", pass, 2, NULL);
}

int main(int argc, char **argv)
{
	const int program = load();
	int i, side, link;

	if (program < 0) {
		perror("empty_hooks: cannot load a program");
		return EXIT_FAILURE;
	}
	for (i = 1; i < argc; i++) {
		for (side = 0; side < TCX_SIDES; side++) {
			link = tcx_attach(program, if_nametoindex(argv[i]), (enum tcx_side)side);
			if (link >= 0)
				continue;
			fprintf(stderr, "empty_hooks: %s: cannot attach by TCX, of Linux 6.6: %s\n",
				argv[i], strerror(-link));
			return EXIT_FAILURE;
		}
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
