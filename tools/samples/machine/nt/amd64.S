# amd64.S - the parts of the x64 kernel that need exact frames: traps, the switch between threads, the
# switch to the DPC stack.  Trap frame 190h, exception frame 140h and switch frame 40h bytes have the
# published places; the unwind codes say what the code does.
        .text

# Notes return address and slot of the function that starts here; uses rax and r11.
        .macro NOTE kind=0
        movq %gs:KPCR_HalReserved, %r11
        movq (%r11), %rax
        shlq $5, %rax
        leaq 16(%r11,%rax), %rax
        movq %rsp, 8(%rax)
        movq $0, 16(%rax)
        movq $\kind, 24(%rax)
        incq (%r11)
        movq (%rsp), %r11
        movq %r11, (%rax)
        .endm
        .macro UNNOTE
        movq %gs:KPCR_HalReserved, %r11
        decq (%r11)
        .endm
        .macro PROC name
        .def \name; .scl 2; .type 32; .endef
        .globl \name
        .seh_proc \name
\name:
        .endm

        .macro TRAP_FRAME
        pushq %rbp
        .seh_pushreg %rbp
        subq $0x158, %rsp
        .seh_stackalloc 0x158
        leaq 0x80(%rsp), %rbp
        .seh_setframe %rbp, 0x80
        .seh_endprologue
        movq %rax, 0x30(%rsp)
        movq %rcx, 0x38(%rsp)
        movq %rdx, 0x40(%rsp)
        movq %r8, 0x48(%rsp)
        movq %r9, 0x50(%rsp)
        movq %r10, 0x58(%rsp)
        movq %r11, 0x60(%rsp)
        movq %rsp, %rcx
        callq note_trap
        .endm

PROC KiPageFault
        .seh_pushframe @code
        TRAP_FRAME
        movq %cr2, %rdx
        movq %rdx, 0xd0(%rsp)
        movq 0x160(%rsp), %rcx
        shrq $1, %rcx
        andq $1, %rcx
        movq %rsp, %r8
        callq MmAccessFault
        movq 0xd0(%rsp), %rdx
        movq 0x160(%rsp), %r9
        shrq $1, %r9
        andq $1, %r9
        movq 0x168(%rsp), %r10
        cmpl $0xD0000006, %eax
        jne 1f
        movl $0xA, %ecx                 # IRQL_NOT_LESS_OR_EQUAL: address, IRQL, write, instruction
        movq %cr8, %r8
        callq KiBugCheckDispatch
        int3
1:      movl %eax, %ecx                 # status; address in rdx; trap frame in rbp; write in r9
        callq KiExceptionDispatch
        int3
        .seh_endproc

PROC KiDivideErrorFault
        .seh_pushframe
        subq $8, %rsp
        .seh_stackalloc 8
        TRAP_FRAME
        movl $0xC0000094, %ecx
        xorl %edx, %edx
        xorl %r9d, %r9d
        callq KiExceptionDispatch
        int3
        .seh_endproc

PROC KiGeneralProtectionFault
        .seh_pushframe @code
        TRAP_FRAME
        movl $0x7F, %ecx
        movl $0xD, %edx
        movq 0x160(%rsp), %r8
        xorl %r9d, %r9d
        movq 0x168(%rsp), %r10
        callq KiBugCheckDispatch
        int3
        .seh_endproc

# Runs on the stack that the task state segment names for it.
PROC KiDoubleFaultAbort
        .seh_pushframe @code
        TRAP_FRAME
        movl $0x7F, %ecx                # UNEXPECTED_KERNEL_MODE_TRAP: 8, CR0, CR4, instruction
        movl $8, %edx
        movq %cr0, %r8
        movq %cr4, %r9
        movq 0x168(%rsp), %r10
        callq KiBugCheckDispatch
        int3
        .seh_endproc

# Also on its own stack; the crashing CPU sends it to the others.
PROC KiNmiInterrupt
        .seh_pushframe
        subq $8, %rsp
        .seh_stackalloc 8
        TRAP_FRAME
        movq %rsp, %rcx
        callq KiProcessNmi
        int3
        .seh_endproc

        .macro SAVE_NONVOLATILE         # KEXCEPTION_FRAME
        subq $0x138, %rsp
        .seh_stackalloc 0x138
        movq %rbp, 0xf8(%rsp)
        .seh_savereg %rbp, 0xf8
        movq %rbx, 0x100(%rsp)
        .seh_savereg %rbx, 0x100
        movq %rdi, 0x108(%rsp)
        .seh_savereg %rdi, 0x108
        movq %rsi, 0x110(%rsp)
        .seh_savereg %rsi, 0x110
        movq %r12, 0x118(%rsp)
        .seh_savereg %r12, 0x118
        movq %r13, 0x120(%rsp)
        .seh_savereg %r13, 0x120
        movq %r14, 0x128(%rsp)
        .seh_savereg %r14, 0x128
        movq %r15, 0x130(%rsp)
        .seh_savereg %r15, 0x130
        .seh_endprologue
        .endm

# Exception frame, then KeBugCheckEx; the fifth parameter comes in r10.
PROC KiBugCheckDispatch
        NOTE
        SAVE_NONVOLATILE
        movq %r10, 0x20(%rsp)
        callq KeBugCheckEx
        int3
        .seh_endproc

# rcx = status, rdx = address, r9 = write, rbp = trap frame + 80h.
PROC KiExceptionDispatch
        NOTE
        SAVE_NONVOLATILE
        movq %r9, 0x20(%rsp)            # write
        movq %rdx, %r9                  # address
        leaq -0x80(%rbp), %rdx          # trap frame
        movq %rsp, %r8                  # exception frame
        callq KiDispatchException
        int3
        .seh_endproc

# rcx = the thread that stops, rdx = the one that goes on.
PROC KiSwapContext
        NOTE
        SAVE_NONVOLATILE
        callq SwapContext
        UNNOTE
        movq 0xf8(%rsp), %rbp
        movq 0x100(%rsp), %rbx
        movq 0x108(%rsp), %rdi
        movq 0x110(%rsp), %rsi
        movq 0x118(%rsp), %r12
        movq 0x120(%rsp), %r13
        movq 0x128(%rsp), %r14
        movq 0x130(%rsp), %r15
        addq $0x138, %rsp
        retq
        .seh_endproc

PROC SwapContext
        NOTE 2
        subq $0x38, %rsp                # KSWITCH_FRAME
        .seh_stackalloc 0x38
        movq %rbp, 0x30(%rsp)
        .seh_savereg %rbp, 0x30
        .seh_endprologue
        movb $0, 0x28(%rsp)
        movq %rsp, KTHREAD_KernelStack(%rcx)
        movq KTHREAD_KernelStack(%rdx), %rsp
        movq %rdx, %gs:(KPCR_Prcb + KPRCB_CurrentThread)
        movq KTHREAD_LegoData(%rdx), %rax
        movq %rax, %gs:KPCR_HalReserved
        movq KTHREAD_InitialStack(%rdx), %rax
        movq %rax, %gs:(KPCR_Prcb + KPRCB_RspBase)
        movq %gs:KPCR_TssBase, %r8
        movq %rax, 4(%r8)               # stack of the next entry from user mode
        movq (KTHREAD_ApcState + KAPC_STATE_Process)(%rdx), %rax
        movq KPROCESS_DirectoryTableBase(%rax), %rax
        movq %cr3, %r8
        cmpq %rax, %r8
        je 1f
        movq %rax, %cr3
1:      UNNOTE
        movq 0x30(%rsp), %rbp
        addq $0x38, %rsp
        retq
        .seh_endproc

# First code of a thread, reached by SwapContext's return: routine, argument, and a null return address.
PROC KiStartSystemThread
        .seh_stackalloc 0x38
        .seh_endprologue
        movq 0x10(%rsp), %rcx
        movq 0x18(%rsp), %rdx
        callq PspSystemThreadStartup
        int3
        .seh_endproc

# rcx = KPRCB: the pending DPCs on this CPU's DPC stack.
PROC KiRetireDpcsOnTheirStack
        NOTE
        pushq %rbp
        .seh_pushreg %rbp
        movq %rsp, %rbp
        .seh_setframe %rbp, 0
        .seh_endprologue
        movq KPRCB_DpcStack(%rcx), %rsp
        subq $0x20, %rsp
        callq KiRetireDpcList
        UNNOTE
        leaq (%rbp), %rsp
        popq %rbp
        retq
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

# rcx = GDT descriptor, rdx = IDT descriptor.
        .globl KiLoadSegments
KiLoadSegments:
        lgdt (%rcx)
        lidt (%rdx)
        popq %rax
        pushq $0x10
        pushq %rax
        movl $0x18, %eax
        movw %ax, %ss
        movl $0x2b, %eax
        movw %ax, %ds
        movw %ax, %es
        movl $0x40, %eax
        ltr %ax
        lretq
