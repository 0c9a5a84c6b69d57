#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# verify.sh SYSTEMD_ANALYZE EXAMPLES SBINDIR: systemd accepts the units, with the programs that were
# built in the place of the installed ones, without a warning.
set -eu
analyze=$1 examples=$2 sbindir=$3
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

for unit in "$examples"/systemd/*.service; do
	file=$(basename "$unit")
	program=${file%%[@.]*}
	sed "s#$sbindir/$program#$examples/${program#mptcplb-}/$program#" "$unit" >"$directory/$file"
	grep -q "$examples" "$directory/$file"
	"$analyze" verify "$directory/$file" >"$directory/messages" 2>&1 || {
		cat "$directory/messages"
		exit 1
	}
	if grep "$program" "$directory/messages"; then
		exit 1
	fi
done
