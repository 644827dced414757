# The parts of the sample kernel that need exact frames.  Trap frame (190h bytes) and exception frame
# (180h) follow the published offsets of Windows Server 2003 x64; the unwind codes say what the code does.
        .text
        .macro SAVE_VOLATILE
        movq %rax, 0x30(%rsp)
        movq %rcx, 0x38(%rsp)
        movq %rdx, 0x40(%rsp)
        movq %r8, 0x48(%rsp)
        movq %r9, 0x50(%rsp)
        movq %r10, 0x58(%rsp)
        movq %r11, 0x60(%rsp)
        movups %xmm0, 0x70(%rsp)
        movups %xmm1, 0x80(%rsp)
        movups %xmm2, 0x90(%rsp)
        movups %xmm3, 0xa0(%rsp)
        movups %xmm4, 0xb0(%rsp)
        movups %xmm5, 0xc0(%rsp)
        stmxcsr 0x2c(%rsp)
        .endm

# Page fault: the CPU has pushed SS, RSP, EFLAGS, CS, RIP and an error code.
        .def KiPageFault; .scl 2; .type 32; .endef
        .globl KiPageFault
        .seh_proc KiPageFault
KiPageFault:
        .seh_pushframe @code
        pushq %rbp
        .seh_pushreg %rbp
        subq $0x158, %rsp
        .seh_stackalloc 0x158
        leaq 0x80(%rsp), %rbp
        .seh_setframe %rbp, 0x80
        .seh_endprologue
        SAVE_VOLATILE
        movq %cr2, %rdx
        movq %rdx, 0xd0(%rsp)
        movq 0x160(%rsp), %rcx
        shrq $1, %rcx
        andq $1, %rcx
        xorl %r8d, %r8d
        movq %rsp, %r9
        callq MmAccessFault
        testl %eax, %eax
        jz 1f
        movl $0xA, %ecx                 # IRQL_NOT_LESS_OR_EQUAL: address, IRQL, write?, instruction
        movq 0xd0(%rsp), %rdx
        movq %cr8, %r8
        movq 0x160(%rsp), %r9
        shrq $1, %r9
        andq $1, %r9
        movq 0x168(%rsp), %r10
        callq KiBugCheckDispatch
        int3
1:      movq 0x30(%rsp), %rax
        movq 0x38(%rsp), %rcx
        movq 0x40(%rsp), %rdx
        addq $0x158, %rsp
        popq %rbp
        addq $8, %rsp
        iretq
        .seh_endproc

# Builds an exception frame and calls KeBugCheckEx; the fifth parameter comes in r10.
        .def KiBugCheckDispatch; .scl 2; .type 32; .endef
        .globl KiBugCheckDispatch
        .seh_proc KiBugCheckDispatch
KiBugCheckDispatch:
        subq $0x178, %rsp
        .seh_stackalloc 0x178
        movaps %xmm6, 0x30(%rsp)
        .seh_savexmm %xmm6, 0x30
        movaps %xmm7, 0x40(%rsp)
        .seh_savexmm %xmm7, 0x40
        movaps %xmm8, 0x50(%rsp)
        .seh_savexmm %xmm8, 0x50
        movq %rbp, 0x138(%rsp)
        .seh_savereg %rbp, 0x138
        movq %rbx, 0x140(%rsp)
        .seh_savereg %rbx, 0x140
        movq %rdi, 0x148(%rsp)
        .seh_savereg %rdi, 0x148
        movq %rsi, 0x150(%rsp)
        .seh_savereg %rsi, 0x150
        movq %r12, 0x158(%rsp)
        .seh_savereg %r12, 0x158
        movq %r13, 0x160(%rsp)
        .seh_savereg %r13, 0x160
        movq %r14, 0x168(%rsp)
        .seh_savereg %r14, 0x168
        movq %r15, 0x170(%rsp)
        .seh_savereg %r15, 0x170
        .seh_endprologue
        movq %r10, 0x20(%rsp)
        callq KeBugCheckEx
        int3
        .seh_endproc

# Interprocessor interrupt: no error code, so 8 bytes stand in for it.
        .def KiIpiInterrupt; .scl 2; .type 32; .endef
        .globl KiIpiInterrupt
        .seh_proc KiIpiInterrupt
KiIpiInterrupt:
        .seh_pushframe
        subq $8, %rsp
        .seh_stackalloc 8
        pushq %rbp
        .seh_pushreg %rbp
        subq $0x158, %rsp
        .seh_stackalloc 0x158
        leaq 0x80(%rsp), %rbp
        .seh_setframe %rbp, 0x80
        .seh_endprologue
        SAVE_VOLATILE
        movq %rsp, %rcx
        callq KiIpiProcessRequests
        movq 0x30(%rsp), %rax
        movq 0x38(%rsp), %rcx
        movq 0x40(%rsp), %rdx
        movq 0x48(%rsp), %r8
        movq 0x50(%rsp), %r9
        movq 0x58(%rsp), %r10
        movq 0x60(%rsp), %r11
        addq $0x158, %rsp
        popq %rbp
        addq $8, %rsp
        iretq
        .seh_endproc

# First code of a system thread: rsp = {context, routine, system routine, 4 slots, return 0}.
        .def KiStartSystemThread; .scl 2; .type 32; .endef
        .globl KiStartSystemThread
        .seh_proc KiStartSystemThread
KiStartSystemThread:
        .seh_stackalloc 0x38
        .seh_endprologue
        movq 0x10(%rsp), %rax
        movq 0x08(%rsp), %rcx
        movq (%rsp), %rdx
        callq *%rax
        int3
        .seh_endproc

# A leaf without unwind data.  rcx = CONTEXT.
        .def RtlCaptureContext; .scl 2; .type 32; .endef
        .globl RtlCaptureContext
RtlCaptureContext:
        movl $0x10000F, 0x30(%rcx)
        stmxcsr 0x34(%rcx)
        movw %cs, 0x38(%rcx)
        movw %ds, 0x3a(%rcx)
        movw %es, 0x3c(%rcx)
        movw %fs, 0x3e(%rcx)
        movw %gs, 0x40(%rcx)
        movw %ss, 0x42(%rcx)
        movq %rax, 0x78(%rcx)
        movq %rcx, 0x80(%rcx)
        movq %rdx, 0x88(%rcx)
        movq %rbx, 0x90(%rcx)
        movq %rbp, 0xa0(%rcx)
        movq %rsi, 0xa8(%rcx)
        movq %rdi, 0xb0(%rcx)
        movq %r8, 0xb8(%rcx)
        movq %r9, 0xc0(%rcx)
        movq %r10, 0xc8(%rcx)
        movq %r11, 0xd0(%rcx)
        movq %r12, 0xd8(%rcx)
        movq %r13, 0xe0(%rcx)
        movq %r14, 0xe8(%rcx)
        movq %r15, 0xf0(%rcx)
        leaq 8(%rsp), %rax
        movq %rax, 0x98(%rcx)
        movq (%rsp), %rax
        movq %rax, 0xf8(%rcx)
        pushfq
        popq %rax
        movl %eax, 0x44(%rcx)
        retq
