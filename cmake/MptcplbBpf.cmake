# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# mptcplb_bpf(NAME SOURCE): compile a BPF program and make its skeleton NAME.skel.h, for targets
# that link the interface library NAME-skel.
find_program(MPTCPLB_CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 REQUIRED)
find_program(MPTCPLB_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

function(mptcplb_bpf name source)
	set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
	set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
	set(includes -I${PROJECT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR})
	# clang -target bpf does not look into the multiarch folder, where <asm/types.h> is
	if(CMAKE_LIBRARY_ARCHITECTURE)
		list(APPEND includes -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
	endif()
	add_custom_command(OUTPUT ${object}
		COMMAND ${MPTCPLB_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu11 -ffreestanding
			-Wall -Wextra -Werror -Wno-unused-parameter ${includes}
			-MMD -MF ${object}.d -MT ${object}
			-c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
		DEPENDS ${source} DEPFILE ${object}.d
		COMMENT "Compiling BPF ${source}" VERBATIM)
	string(MAKE_C_IDENTIFIER ${name} identifier)
	add_custom_command(OUTPUT ${skeleton}
		COMMAND sh -c "'${MPTCPLB_BPFTOOL}' gen skeleton '${object}' name ${identifier}_bpf > '${skeleton}'"
		DEPENDS ${object} COMMENT "Making ${name}.skel.h" VERBATIM)
	add_custom_target(${name}-skel-file DEPENDS ${skeleton})
	add_library(${name}-skel INTERFACE)
	add_dependencies(${name}-skel ${name}-skel-file)
	target_include_directories(${name}-skel INTERFACE ${CMAKE_CURRENT_BINARY_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()
