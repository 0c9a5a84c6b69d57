# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Completion of mptcplb-tool for bash.

_mptcplb_tool()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]-} candidates=

	COMPREPLY=()
	case $before in
	--config)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--mode)
		mapfile -t COMPREPLY < <(compgen -W "rfc8684 implicit" -- "$word")
		return
		;;
	--server | --nonce | --count | --servers | --connections | --balancers | --rounds | --churn | --seed)
		return
		;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		candidates="genkey check token key option pcap simulate --help --version"
	elif [ "$COMP_CWORD" -eq 2 ] && [[ $command == @(token|key|option) ]]; then
		case $command in
		token) candidates="decode generate" ;;
		key) candidates="derive generate" ;;
		option) candidates="decode" ;;
		esac
	else
		case $command-${COMP_WORDS[2]-} in
		check-*) candidates="--config --json --help" ;;
		token-decode) candidates="--config --json --help" ;;
		token-generate) candidates="--config --server --nonce --count --json --help" ;;
		key-derive) candidates="--mode --config --json --help" ;;
		key-generate) candidates="--config --server --mode --count --json --help" ;;
		option-decode) candidates="--json --help" ;;
		pcap-*) candidates="--config --options --json --help" ;;
		simulate-*)
			candidates="--servers --connections --balancers --rounds --churn --seed --json --help"
			;;
		*) candidates="--help" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
	if [ "$command" = pcap ] && [ "$COMP_CWORD" -gt 1 ] && [[ $word != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
} && complete -F _mptcplb_tool -o filenames mptcplb-tool
