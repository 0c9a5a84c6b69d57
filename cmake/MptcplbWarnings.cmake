# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# mptcplb_warnings(TARGET [STRICT]): the warnings that this project's code is free of.
# STRICT adds the ones that only library code is held to.
function(mptcplb_warnings target)
	target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes;-Wvla>)
	if("STRICT" IN_LIST ARGN)
		target_compile_options(${target} PRIVATE -Wconversion -Wsign-conversion -Wpointer-arith -Wcast-qual -Wundef)
	endif()
	if(MPTCPLB_WERROR)
		target_compile_options(${target} PRIVATE -Werror)
	endif()
endfunction()
