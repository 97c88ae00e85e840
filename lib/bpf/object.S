/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiled classifier, carried by the library: nothing to look for when rules are loaded. */
	.section .rodata
	.balign 8
	.global bpf_object_start
	.hidden bpf_object_start
	.global bpf_object_end
	.hidden bpf_object_end
bpf_object_start:
	.incbin PT_BPF_OBJECT
bpf_object_end:
	.section .note.GNU-stack, "", %progbits
