// Every form of instruction that arch/ia64_text.cpp and arch/ia64_memory.cpp write, one per bundle
// and more.  code.txt holds its bytes and what objdump makes of them; make.sh renews it.
	.explicit
	.text
	.align 32

	// Loads and stores, plain and with an increment by register and by immediate.
	.irp op, ld1, ld2, ld4, ld8, ld1.s, ld2.s, ld4.s, ld8.s, ld1.a, ld2.a, ld4.a, ld8.a, ld1.sa, ld8.sa, ld1.bias, ld8.bias, ld1.acq, ld2.acq, ld4.acq, ld8.acq, ld8.fill, ld1.c.clr, ld8.c.clr, ld1.c.nc, ld8.c.nc, ld4.c.clr.acq, ld8.c.clr.acq
	\op r14=[r15];;
	(p6) \op r33=[r34],r8;;
	\op r8=[r12],8;;
	(p63) \op r127=[r1],-256;;
	.endr
	.irp op, st1, st2, st4, st8, st1.rel, st2.rel, st4.rel, st8.rel, st8.spill
	\op [r15]=r14;;
	(p7) \op [r32]=r0,255;;
	\op [r12]=r35,-16;;
	.endr
	ld8.nt1 r14=[r15];;
	ld4.nta r14=[r15],4;;
	ld8.s.nta r14=[r15],r3;;
	st8.nta [r15]=r14;;
	st2.nta [r15]=r14,2;;

	.irp op, ldfs, ldfd, ldf8, ldfe, ldfs.s, ldfd.s, ldf8.a, ldfe.sa, ldfd.c.clr, ldfs.c.nc, ldf.fill
	\op f6=[r15];;
	(p2) \op f127=[r33],r9;;
	\op f32=[r12],16;;
	.endr
	.irp op, stfs, stfd, stf8, stfe, stf.spill
	\op [r15]=f6;;
	(p9) \op [r12]=f31,-32;;
	.endr
	.irp op, ldfps, ldfps.s, ldfps.a, ldfps.c.clr
	\op f6,f7=[r15];;
	(p3) \op f32,f127=[r33],8;;
	.endr
	.irp op, ldfpd, ldfp8, ldfpd.sa, ldfp8.c.nc
	\op f6,f7=[r15];;
	\op f32,f127=[r33],16;;
	.endr

	.irp op, lfetch, lfetch.excl, lfetch.fault, lfetch.fault.excl, lfetch.nt1, lfetch.nt2, lfetch.fault.nta
	\op [r15];;
	\op [r15],r9;;
	(p1) \op [r33],-64;;
	.endr

	// Semaphores and pairs of words.
	.irp size, 1, 2, 4, 8
	cmpxchg\size\().acq r8=[r32],r14,ar.ccv;;
	cmpxchg\size\().rel r8=[r15],r34,ar.ccv;;
	(p6) xchg\size r8=[r14],r0;;
	.endr
	.irp inc, -16, -8, -4, -1, 1, 4, 8, 16
	fetchadd4.acq r8=[r33],\inc;;
	fetchadd8.rel r8=[r14],\inc;;
	.endr
	cmp8xchg16.acq r8=[r32],r14,ar.csd,ar.ccv;;
	cmp8xchg16.rel r8=[r15],r14,ar.csd,ar.ccv;;
	ld16 r8,ar.csd=[r14];;
	ld16.acq r8,ar.csd=[r14];;
	st16 [r14]=r8,ar.csd;;
	st16.rel [r14]=r8,ar.csd;;
	.irp kind, sig, exp, s, d
	getf.\kind r8=f9;;
	setf.\kind f9=r8;;
	.endr
	fc r15;;
	fc.i r33;;

	// What orders and empties.
	invala;;
	fwb;;
	mf;;
	mf.a;;
	srlz.d;;
	srlz.i;;
	sync.i;;
	{ .mii
	flushrs
	nop.i 0
	nop.i 0 ;; }
	{ .mii
	loadrs
	nop.i 0
	nop.i 0 ;; }
1:
	chk.s.m r14,1b;;
	chk.s.i r33,1b;;
	chk.s f9,1b;;
	chk.a.nc r14,1b;;
	chk.a.clr r14,1b;;
	chk.a.nc f14,1b;;
	chk.a.clr f14,1b;;

	// Breaks in every unit.
	break.m 0x80016;;
	break.i 0x1fffff;;
	break.f 1;;
	break.b 2;;
	break.x 0x123456789abcdef;;
	nop.x 0x3edcba9876543210;;
	hint.m 0;;
	hint.i 0;;
	hint.f 0;;
	(p5) break.m 0;;

	// Registers of the frame and of branches.
	{ .mii
	alloc r35=ar.pfs,3,4,2,0
	nop.i 0
	nop.i 0 ;; }
	{ .mii
	alloc r40=ar.pfs,0,8,8,16
	nop.i 0
	nop.i 0 ;; }
	.irp reg, ar.rsc, ar.bspstore, ar.rnat, ar.unat, ar.fpsr, ar.ccv, ar.k0, ar.k7, ar.itc
	mov.m \reg=r14;;
	mov.m r14=\reg;;
	.endr
	mov.m r14=ar.bsp;;
	mov.m ar.rsc=0;;
	mov.m ar.unat=-1;;
	.irp reg, ar.pfs, ar.lc, ar.ec
	mov.i \reg=r14;;
	mov.i r14=\reg;;
	mov.i \reg=11;;
	.endr
	mov r33=b0;;
	mov r14=b7;;
	mov b0=r33;;
	mov b6=r14,1b;;
	mov.ret.sptk b0=r14,1b;;
	mov r14=ip;;
	mov r14=pr;;
	mov pr=r14,-1;;
	mov pr=r14,0x1fffe;;
	movl r14=0x8123456789abcdef;;
	movl r1=0x600000000001b80;;

	// Branches.
	.irp hint, sptk.few, sptk.many, spnt.few, dptk.many, dpnt.few, dpnt.many.clr
	br.call.\hint b0=1b;;
	br.call.\hint b1=b6;;
	(p6) br.cond.\hint 1b;;
	(p6) br.cond.\hint b7;;
	br.ret.\hint b0;;
	br.cloop.\hint 1b;;
	brl.call.\hint b0=1b;;
	(p9) brl.cond.\hint 1b;;
	.endr
	br.few 1b;;
	br.many b6;;
	brl.few 1b;;
	(p7) br.ret.sptk.many b0;;
	(p7) br.call.spnt.few b0=1b;;
	br.ia.sptk.few b6;;
	(p16) br.wtop.sptk.few 1b;;
	(p16) br.wexit.sptk.few 1b;;
	br.ctop.sptk.few 1b;;
	br.cexit.sptk.few 1b;;
	.irp op, cover, clrrrb, clrrrb.pr, rfi, bsw.0, bsw.1, epc
	\op;;
	.endr

	// Every template.
	.irp tail, " ", ";;"
	{ .mii
	nop.m 1
	nop.i 2
	nop.i 3 \tail }
	{ .mlx
	nop.m 1
	movl r8=1 \tail }
	{ .mmi
	nop.m 1
	nop.m 2
	nop.i 3 \tail }
	{ .mfi
	nop.m 1
	nop.f 2
	nop.i 3 \tail }
	{ .mmf
	nop.m 1
	nop.m 2
	nop.f 3 \tail }
	{ .mib
	nop.m 1
	nop.i 2
	nop.b 3 \tail }
	{ .mbb
	nop.m 1
	nop.b 2
	nop.b 3 \tail }
	{ .bbb
	nop.b 1
	nop.b 2
	nop.b 3 \tail }
	{ .mmb
	nop.m 1
	nop.m 2
	nop.b 3 \tail }
	{ .mfb
	nop.m 1
	nop.f 2
	nop.b 3 \tail }
	.endr
	{ .mii
	nop.m 1
	nop.i 2 ;;
	nop.i 3 }
	{ .mii
	nop.m 1
	nop.i 2 ;;
	nop.i 3 ;; }
	{ .mmi
	nop.m 1 ;;
	nop.m 2
	nop.i 3 }
	{ .mmi
	nop.m 1 ;;
	nop.m 2
	nop.i 3 ;; }
