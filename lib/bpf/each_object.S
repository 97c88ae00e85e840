/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiled program that gives hosts their classes, carried by the library. */
	.section .rodata
	.balign 8
	.global bpf_each_size
	.hidden bpf_each_size
	.global bpf_each
	.hidden bpf_each
bpf_each_size:
	.quad end - bpf_each
bpf_each:
	.incbin PT_BPF_EACH
end:
	.section .note.GNU-stack, "", %progbits
