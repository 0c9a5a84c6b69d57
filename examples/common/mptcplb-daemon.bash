# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Completion of mptcplb-balancer and mptcplb-server for bash: their --help says what there is.

_mptcplb_daemon()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]-} candidates= help

	COMPREPLY=()
	help=$("${COMP_WORDS[0]}" --help 2>/dev/null) || return
	[ "$command" != check ] || command=run # which has its options
	case $before in
	--config | --pin) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
	--interface) candidates=$(ls /sys/class/net) ;;
	--role) candidates="balancer redirector" ;;
	--on-unroutable) candidates="hash drop" ;;
	--attach) candidates="tcx clsact auto" ;;
	--*) ! grep -q -e "$before [A-Z]" <<< "$help" || return ;;& # it has a value
	*)
		if [ "$COMP_CWORD" -eq 1 ]; then
			candidates=$(sed -n 's/^  mptcplb-[a-z]* \([a-z]*\) .*/\1/p' <<< "$help")
			candidates+=" --help --version"
		else
			candidates=$(sed -n "/^  mptcplb-[a-z]* $command /,/^  mptcplb-[a-z]* /p" <<< "$help" |
				sed '2,${/^  mptcplb-/d}' | grep -o -e '--[a-z-]*')
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
} && complete -F _mptcplb_daemon -o filenames mptcplb-balancer mptcplb-server
