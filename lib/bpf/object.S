/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiled classifier, carried by the library: nothing to look for when rules are loaded. */
	.section .rodata
	.balign 8
	.global bpf_object_size
	.hidden bpf_object_size
	.global bpf_object
	.hidden bpf_object
bpf_object_size:
	.quad end - bpf_object
bpf_object:
	.incbin PT_BPF_OBJECT
end:
	.section .note.GNU-stack, "", %progbits
