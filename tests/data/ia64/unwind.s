// Every unwind descriptor that gas can write.  unwind.txt holds the descriptors' bytes and what
// readelf -u makes of them; make.sh renews it.
	.explicit
	.text

	.macro bundle
	{ .mmi
	nop.m 0
	nop.m 0
	nop.i 0 ;; }
	.endm
	.macro long count // more slots than a short region has
	.rept \count
	bundle
	.endr
	.endm

	// R1, R3, B2; P7 with t and sizes.
	.proc frame
frame:	.prologue
	.fframe 160
	bundle
	.save ar.pfs, r35
	bundle
	.save rp, r36
	bundle
	.body
	bundle
	.restore sp
	bundle
	.endp frame

	.proc longframe
longframe: .prologue
	.vframe r37
	long 12
	.save rp, r33
	bundle
	.body
	long 20
	.restore sp
	long 11
	.endp longframe

	// R2, and P3 of every register.
	.proc masks
masks:	.prologue 15, 34
	.save ar.pfs, r35
	bundle
	.vframe r36
	bundle
	.save pr, r37
	bundle
	.body
	bundle
	.endp masks

	.proc inregisters
inregisters: .prologue
	.save ar.unat, r40
	bundle
	.save ar.lc, r41
	bundle
	.save ar.rnat, r42
	bundle
	.save ar.bsp, r43
	bundle
	.save ar.bspstore, r44
	bundle
	.save ar.fpsr, r45
	bundle
	.save @priunat, r46
	bundle
	.save pr, r47
	bundle
	.altrp b6
	bundle
	.body
	bundle
	.endp inregisters

	// P7 and P8 by offset.
	.proc bypsp
bypsp:	.prologue
	.vframesp 16
	bundle
	.savepsp rp, 16
	bundle
	.savepsp ar.pfs, 24
	bundle
	.savepsp pr, 32
	bundle
	.savepsp ar.lc, 40
	bundle
	.savepsp ar.unat, 48
	bundle
	.savepsp ar.fpsr, 56
	bundle
	.savepsp ar.bsp, 64
	bundle
	.savepsp ar.bspstore, 72
	bundle
	.savepsp ar.rnat, 80
	bundle
	.savepsp @priunat, 88
	bundle
	.body
	bundle
	.endp bypsp

	.proc bysp
bysp:	.prologue
	.vframesp 512
	bundle
	.savesp rp, 16
	bundle
	.savesp ar.pfs, 24
	bundle
	.savesp pr, 32
	bundle
	.savesp ar.lc, 40
	bundle
	.savesp ar.unat, 48
	bundle
	.savesp ar.fpsr, 56
	bundle
	.savesp ar.bsp, 64
	bundle
	.savesp ar.bspstore, 72
	bundle
	.savesp ar.rnat, 80
	bundle
	.savesp @priunat, 4096
	bundle
	.body
	bundle
	.endp bysp

	// P1, P2, P4, P5, P6, P9.
	.proc groups
groups:	.prologue
	.fframe 512
	bundle
	.spill 64
	.save.b 0x1
	nop.m 0
	.save.b 0x6
	nop.m 0
	nop.i 0 ;;
	nop.m 0
	nop.m 0
	nop.i 0 ;;
	.save.g 0x1
	nop.m 0
	.save.g 0x4
	nop.m 0
	.save.g 0x8
	nop.i 0 ;;
	.save.f 0x1
	nop.m 0
	.save.f 0x8
	nop.m 0
	nop.i 0 ;;
	.body
	bundle
	.endp groups

	.proc brtogr
brtogr:	.prologue
	.save.b 0x15, r50
	bundle
	bundle
	bundle
	.save.g 0x3, r60
	bundle
	bundle
	.body
	bundle
	.endp brtogr

	.proc both
both:	.prologue
	.save.gf 0xf, 0x80001
	nop.m 0
	nop.m 0
	nop.i 0 ;;
	bundle
	bundle
	.body
	bundle
	.endp both

	// Labels, short and long; epilogues with counts.
	.proc labels
labels:	.prologue
	.fframe 16
	bundle
	.body
	.label_state 1
	bundle
	.restore sp
	bundle
	.body
	.copy_state 1
	.label_state 40
	bundle
	.restore sp
	bundle
	.body
	.copy_state 40
	bundle
	.prologue
	.fframe 32
	bundle
	.body
	bundle
	.restore sp, 1
	bundle
	.endp labels

	.proc manyprologues
manyprologues:
	.rept 40
	.prologue
	bundle
	.body
	bundle
	.endr
	.restore sp, 39
	long 12
	.endp manyprologues

	// X1 to X4.
	.proc single
single:	.prologue
	bundle
	.spillpsp r4, 16
	bundle
	.spillsp r5, 32
	bundle
	.spillpsp b1, 48
	bundle
	.spillsp f16, 64
	bundle
	.spillreg r6, r40
	bundle
	.spillreg b2, r41
	bundle
	.spillreg f2, f40
	bundle
	.spillreg b3, b6
	bundle
	.spillreg ar.lc, r42
	bundle
	.spillsp ar.pfs, 80
	bundle
	.spillpsp pr, 96
	bundle
	.spillreg rp, r43
	bundle
	.spillreg ar.unat, r44
	bundle
	.spillsp ar.fpsr, 128
	bundle
	.restorereg r6
	bundle
	.restorereg b2
	bundle
	.spillpsp.p p6, r7, 16
	bundle
	.spillsp.p p63, f31, 4096
	bundle
	.spillreg.p p7, r5, r70
	bundle
	.spillreg.p p8, f5, f100
	bundle
	.restorereg.p p9, b5
	bundle
	.body
	bundle
	.endp single

	// P10.
	.proc trapframe
trapframe: .prologue
	.unwabi @nt, 1
	bundle
	.body
	bundle
	.endp trapframe
	.proc signalframe
signalframe: .prologue
	.unwabi @svr4, 's'
	bundle
	.unwabi @hpux, 2
	bundle
	.body
	bundle
	.endp signalframe

	// Flags.
	.proc handled
handled: .prologue
	.save rp, r33
	bundle
	.body
	bundle
	.personality frame#
	.handlerdata
	data8 0
	.text
	.endp handled
