//go:build cuda

// The functions of the driver; each jumps to the address in its slot of libcuda_slots. See load.c.
//
// C cannot pass on arguments that it does not know, so this is assembly: the jump changes no register that
// carries an argument, and no stack. At first every slot holds libcuda_first, which saves the arguments,
// fills the table, and jumps through the slot again.

const char *libcuda_names[] __attribute__((visibility("hidden"))) = {
#define SYMBOL(name) #name,
#include "symbols.inc"
#undef SYMBOL
	0,
};

#if defined(__x86_64__)

// r11 may be overwritten and carries no argument. Integers are in rdi, rsi, rdx, rcx, r8, r9, floats in xmm0
// to xmm7; rax counts vector registers if a function is variadic. At the entry of a function rsp is 8 more
// than a multiple of 16.
#define JUMP(slot) "	lea " slot "(%rip), %r11\n	jmp *(%r11)\n"
#define FIRST                                                                                                \
	"libcuda_first:\n"                                                                                       \
	"	push %rdi\n	push %rsi\n	push %rdx\n	push %rcx\n	push %r8\n	push %r9\n	push %rax\n	push %r11\n"     \
	"	sub $136, %rsp\n"                                                                                    \
	"	movups %xmm0, (%rsp)\n	movups %xmm1, 16(%rsp)\n"                                                    \
	"	movups %xmm2, 32(%rsp)\n	movups %xmm3, 48(%rsp)\n"                                                \
	"	movups %xmm4, 64(%rsp)\n	movups %xmm5, 80(%rsp)\n"                                                \
	"	movups %xmm6, 96(%rsp)\n	movups %xmm7, 112(%rsp)\n"                                               \
	"	call libcuda_load\n"                                                                                 \
	"	movups (%rsp), %xmm0\n	movups 16(%rsp), %xmm1\n"                                                    \
	"	movups 32(%rsp), %xmm2\n	movups 48(%rsp), %xmm3\n"                                                \
	"	movups 64(%rsp), %xmm4\n	movups 80(%rsp), %xmm5\n"                                                \
	"	movups 96(%rsp), %xmm6\n	movups 112(%rsp), %xmm7\n"                                               \
	"	add $136, %rsp\n"                                                                                    \
	"	pop %r11\n	pop %rax\n	pop %r9\n	pop %r8\n	pop %rcx\n	pop %rdx\n	pop %rsi\n	pop %rdi\n"      \
	"	jmp *(%r11)\n"

#elif defined(__aarch64__)

// x16 and x17 are reserved for veneers like these. Integers are in x0 to x7, a result's address in x8, floats
// in v0 to v7.
#define JUMP(slot) "	adrp x16, " slot "\n	add x16, x16, :lo12:" slot "\n	ldar x17, [x16]\n	br x17\n"
#define FIRST                                                                                                \
	"libcuda_first:\n"                                                                                       \
	"	stp x29, x30, [sp, #-224]!\n	mov x29, sp\n"                                                       \
	"	stp x0, x1, [sp, #16]\n	stp x2, x3, [sp, #32]\n	stp x4, x5, [sp, #48]\n	stp x6, x7, [sp, #64]\n"     \
	"	stp x8, x16, [sp, #80]\n"                                                                            \
	"	stp q0, q1, [sp, #96]\n	stp q2, q3, [sp, #128]\n"                                                    \
	"	stp q4, q5, [sp, #160]\n	stp q6, q7, [sp, #192]\n"                                                \
	"	bl libcuda_load\n"                                                                                   \
	"	ldp q0, q1, [sp, #96]\n	ldp q2, q3, [sp, #128]\n"                                                    \
	"	ldp q4, q5, [sp, #160]\n	ldp q6, q7, [sp, #192]\n"                                                \
	"	ldp x8, x16, [sp, #80]\n"                                                                            \
	"	ldp x0, x1, [sp, #16]\n	ldp x2, x3, [sp, #32]\n	ldp x4, x5, [sp, #48]\n	ldp x6, x7, [sp, #64]\n"     \
	"	ldp x29, x30, [sp], #224\n"                                                                          \
	"	ldar x17, [x16]\n	br x17\n"

#else
#error "CUDA is built for amd64 and arm64 only"
#endif

// One statement, so that no optimizer can move the parts into different objects.
__asm__(
	".data\n"
	".balign 8\n"
	".globl libcuda_slots\n"
	".hidden libcuda_slots\n"
	"libcuda_slots:\n"
#define SYMBOL(name) ".Lslot_" #name ": .quad libcuda_first\n"
#include "symbols.inc"
#undef SYMBOL

	".text\n"
	".balign 16\n"
	FIRST
#define SYMBOL(name)                                                                                         \
	".balign 16\n"                                                                                           \
	".globl " #name "\n"                                                                                     \
	".hidden " #name "\n"                                                                                    \
	".type " #name ", %function\n"                                                                           \
	#name ":\n"                                                                                              \
	JUMP(".Lslot_" #name)                                                                                    \
	".size " #name ", . - " #name "\n"
#include "symbols.inc"
#undef SYMBOL
);
