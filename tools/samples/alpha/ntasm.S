# The parts of the sample kernel for Alpha that are no C.  call_pal codes are those of the Windows NT
# PALcode (Alpha Architecture Handbook, Windows NT software): 6 swpirql, 0xE rfe, 0 halt; record.py plays
# them.  NAME$prolog_end marks the end of a prologue.
        .set noreorder
        .set noat
        .text

# First code of a system thread: s0 = system routine, s1 = routine, s2 = its context, ra = 0.
        .globl KiThreadStartup
        .ent KiThreadStartup
KiThreadStartup:
        lda $30, -16($30)
        stq $26, 0($30)
KiThreadStartup$prolog_end:
        mov $10, $16
        mov $11, $17
        mov $9, $27
        jsr $26, ($27)
        call_pal 0
        .end KiThreadStartup

# Access to memory that is not mapped.  The PALcode has built a trap frame at sp (its layout here is
# record.py's) and passes a0 = store?, a1 = address, a2 = pc, a3 = trap frame.
        .globl KiMemoryManagementException
        .ent KiMemoryManagementException
KiMemoryManagementException:
        stq $0, 0x40($30)
        stq $1, 0x48($30)
        stq $2, 0x50($30)
        stq $3, 0x58($30)
        stq $22, 0x60($30)
        stq $23, 0x68($30)
        stq $24, 0x70($30)
        stq $25, 0x78($30)
        stq $27, 0x80($30)
        stq $28, 0x88($30)
        br $27, 1f
1:      ldgp $29, 0($27)
        lda $27, KiMemoryFault
        jsr $26, ($27)
        ldq $0, 0x40($30)
        ldq $1, 0x48($30)
        ldq $2, 0x50($30)
        ldq $3, 0x58($30)
        ldq $22, 0x60($30)
        ldq $23, 0x68($30)
        ldq $24, 0x70($30)
        ldq $25, 0x78($30)
        ldq $27, 0x80($30)
        ldq $28, 0x88($30)
        call_pal 0x0E
        .end KiMemoryManagementException

# a0 = new IRQL -> v0 = old.  A leaf without an entry in the function table.
        .globl KiSwapIrql
        .ent KiSwapIrql
KiSwapIrql:
        call_pal 0x06
        ret $31, ($26), 1
        .end KiSwapIrql

        .globl KiStandStill
        .ent KiStandStill
KiStandStill:
        call_pal 0
        br $31, KiStandStill
        .end KiStandStill

# A leaf.  a0 = CONTEXT, whose offsets are those of the public headers.  The registers are those of the
# caller as it goes on: Fir and ra are the return address.
        .globl RtlCaptureContext
        .ent RtlCaptureContext
RtlCaptureContext:
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
        stt $f\n, 8*\n($16)
        .endr
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
        stq $\n, 0x100+8*\n($16)
        .endr
        stq $26, 0x210($16)             # Fir
        ldah $1, 2($31)
        lda $1, 7($1)
        stl $1, 0x21c($16)              # ContextFlags
        ldq $1, 0x108($16)
        ret $31, ($26), 1
        .end RtlCaptureContext
