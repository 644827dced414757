# i386.S - the parts of the x86 kernel that need exact frames: traps, the switch between threads, the
# switch to the DPC stack.  Trap frame and switch frame have the published places.
        .text

# Notes return address and slot of the function that starts here; uses eax and ecx.
        .macro NOTE kind=0
        movl %fs:KPCR_HalReserved, %ecx
        movl (%ecx), %eax
        shll $4, %eax
        leal 8(%ecx,%eax), %eax
        movl %esp, 4(%eax)
        movl $0, 8(%eax)
        movl $\kind, 12(%eax)
        incl (%ecx)
        movl (%esp), %ecx
        movl %ecx, (%eax)
        .endm
        .macro UNNOTE
        movl %fs:KPCR_HalReserved, %ecx
        decl (%ecx)
        .endm
        .macro PROC name
        .def _\name; .scl 2; .type 32; .endef
        .globl _\name
_\name:
        .endm

# KTRAP_FRAME; the error code has been pushed.  ebp = the frame, whose first two words continue the chain
# of frame pointers at the interrupted code.
        .macro TRAP_FRAME
        pushl %ebp
        pushl %ebx
        pushl %esi
        pushl %edi
        pushl %fs
        movl $0x30, %ebx
        movw %bx, %fs
        pushl %fs:0
        pushl $-1
        pushl %eax
        pushl %ecx
        pushl %edx
        pushl %ds
        pushl %es
        pushl %gs
        subl $0x30, %esp
        movl %esp, %ebp
        movl $0x23, %eax
        movw %ax, %ds
        movw %ax, %es
        cld
        movl 0x60(%ebp), %eax
        movl %eax, (%ebp)               # DbgEbp
        movl 0x68(%ebp), %eax
        movl %eax, 4(%ebp)              # DbgEip
        movl $0xBADB0D00, 8(%ebp)       # DbgArgMark
        movl $0, 0xc(%ebp)
        pushl %ebp
        calll _note_trap
        addl $4, %esp
        .endm

PROC KiTrap0E
        TRAP_FRAME
        movl %cr2, %edi
        movl 0x64(%ebp), %esi
        shrl $1, %esi
        andl $1, %esi
        pushl %ebp
        pushl %edi
        pushl %esi
        calll _MmAccessFault
        addl $12, %esp
        cmpl $0xD0000006, %eax
        jne 1f
        pushl 0x68(%ebp)                # IRQL_NOT_LESS_OR_EQUAL: address, IRQL, write, instruction
        pushl %esi
        movzbl %fs:KPCR_Irql, %eax
        pushl %eax
        pushl %edi
        pushl $0xA
        calll _KeBugCheckEx@20
        int3
1:      pushl %esi
        pushl %edi
        pushl $0
        pushl %ebp
        pushl %eax
        calll _KiDispatchException
        int3

PROC KiTrap00
        pushl $0
        TRAP_FRAME
        pushl $0
        pushl $0
        pushl $0
        pushl %ebp
        pushl $0xC0000094
        calll _KiDispatchException
        int3

PROC KiTrap0D
        TRAP_FRAME
        pushl $0
        pushl $0
        pushl 0x64(%ebp)
        pushl $0xD
        pushl $0x7F
        calll _KeBugCheckEx@20
        int3

# A task of its own: the CPU has switched to the double fault's TSS and stack.
PROC KiTrap08
        xorl %ebp, %ebp
        calll _KiDoubleFault
        int3

PROC KiIpiInterrupt
        pushl $0
        TRAP_FRAME
        pushl $0
        pushl %ebp
        calll _KiIpiServiceRoutine
        int3

# (the thread that stops, the one that goes on)
PROC KiSwapContext
        NOTE
        movl 4(%esp), %ecx
        movl 8(%esp), %edx
        subl $0x10, %esp
        movl %ebx, 0xc(%esp)
        movl %esi, 8(%esp)
        movl %edi, 4(%esp)
        movl %ebp, (%esp)
        movl %ecx, %edi
        movl %edx, %esi
        calll _SwapContext
        UNNOTE
        movl (%esp), %ebp
        movl 4(%esp), %edi
        movl 8(%esp), %esi
        movl 0xc(%esp), %ebx
        addl $0x10, %esp
        retl

# edi = the thread that stops, esi = the one that goes on
PROC SwapContext
        NOTE 2
        movzbl KTHREAD_WaitIrql(%edi), %eax
        pushl %eax
        pushl %fs:0
        movl %esp, KTHREAD_KernelStack(%edi)
        movl KTHREAD_KernelStack(%esi), %esp
        movl %esi, %fs:(KPCR_PrcbData + KPRCB_CurrentThread)
        movl KTHREAD_LegoData(%esi), %eax
        movl %eax, %fs:KPCR_HalReserved
        movl KTHREAD_InitialStack(%esi), %eax
        movl %eax, %fs:4                # NT_TIB.StackBase
        movl KTHREAD_StackLimit(%esi), %ecx
        movl %ecx, %fs:8
        movl %fs:KPCR_TSS, %ecx
        movl %eax, 4(%ecx)              # stack of the next entry from user mode
        movl (KTHREAD_ApcState + KAPC_STATE_Process)(%esi), %eax
        movl KPROCESS_DirectoryTableBase(%eax), %eax
        movl %cr3, %ecx
        cmpl %eax, %ecx
        je 1f
        movl %eax, %cr3
        movl %fs:KPCR_TSS, %ecx
        movl %eax, 0x1c(%ecx)           # the CPU does not keep CR3 in the task it leaves
1:      UNNOTE
        popl %fs:0
        addl $4, %esp
        retl

# First code of a thread, reached by SwapContext's return: routine and argument on the stack.
PROC KiStartSystemThread
        xorl %ebp, %ebp
        calll _PspSystemThreadStartup@8
        int3

# (KPRCB): the pending DPCs on this CPU's DPC stack.
PROC KiRetireDpcsOnTheirStack
        NOTE
        movl 4(%esp), %eax
        pushl %ebp
        movl %esp, %ebp
#ifdef KPRCB_DpcStack
        movl KPRCB_DpcStack(%eax), %esp
#endif
        pushl %eax
        calll _KiRetireDpcList
        movl %ebp, %esp
        popl %ebp
        UNNOTE
        retl

# (CONTEXT): the state right after this call.
PROC RtlCaptureContext
        pushl %ebx
        movl 8(%esp), %ebx
        movl $0x10007, (%ebx)
        movl %edi, 0x9c(%ebx)
        movl %esi, 0xa0(%ebx)
        movl %edx, 0xa8(%ebx)
        movl %ecx, 0xac(%ebx)
        movl %eax, 0xb0(%ebx)
        movl %ebp, 0xb4(%ebx)
        movl (%esp), %eax
        movl %eax, 0xa4(%ebx)
        movl 4(%esp), %eax
        movl %eax, 0xb8(%ebx)
        leal 8(%esp), %eax
        movl %eax, 0xc4(%ebx)
        pushfl
        popl %eax
        movl %eax, 0xc0(%ebx)
        xorl %eax, %eax
        movw %gs, %ax
        movl %eax, 0x8c(%ebx)
        movw %fs, %ax
        movl %eax, 0x90(%ebx)
        movw %es, %ax
        movl %eax, 0x94(%ebx)
        movw %ds, %ax
        movl %eax, 0x98(%ebx)
        movw %cs, %ax
        movl %eax, 0xbc(%ebx)
        movw %ss, %ax
        movl %eax, 0xc8(%ebx)
        popl %ebx
        retl

# (GDT descriptor, IDT descriptor, task register or 0)
PROC KiLoadSegments
        movl 4(%esp), %eax
        lgdt (%eax)
        movl 8(%esp), %eax
        lidt (%eax)
        movl 12(%esp), %ecx
        movl $0x23, %eax
        movw %ax, %ds
        movw %ax, %es
        movl $0x10, %eax
        movw %ax, %ss
        movl $0x30, %eax
        movw %ax, %fs
        xorl %eax, %eax
        movw %ax, %gs
        lldt %ax
        testl %ecx, %ecx
        jz 1f
        ltr %cx
1:      popl %eax
        pushl $8
        pushl %eax
        lretl
