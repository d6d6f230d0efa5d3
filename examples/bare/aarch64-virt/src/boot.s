// From QEMU's jump at EL1 to Rust: floating point on, a stack, zeroed statics. No MMU: memory is uncached and ordered.

    .section .text.start, "ax"
    .globl start
start:
    mov x0, #(3 << 20)
    msr cpacr_el1, x0               // the compiler uses vector registers
    isb
    ldr x0, =STACK_TOP
    mov sp, x0
    ldr x0, =BSS
    ldr x1, =BSS_END
0:  cmp x0, x1
    b.hs 1f
    stp xzr, xzr, [x0], #16
    b 0b
1:  bl main
2:  wfi
    b 2b
