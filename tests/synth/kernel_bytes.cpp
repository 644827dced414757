#include "synth/kernel_bytes.h"

#include <algorithm>

namespace dumptriage::synth {

// The values are those of the builds' public symbol files, as listed by several public projects.
const KernelOffsets& offsets_ws2003sp2() {
  static const KernelOffsets offsets = [] {
    KernelOffsets o{};
    o.build = 3790;
    o.prcb_size = 0x2480, o.prcb_number = 0x4, o.prcb_number_bytes = 1;
    o.prcb_current_thread = 0x8, o.prcb_idle_thread = 0x18;
    o.prcb_state = 0x40, o.prcb_state_context = 0x120;
    o.prcb_mhz = 0x5f4, o.prcb_vendor = 0x22b4, o.prcb_dpc_active = 0x1f5e, o.prcb_cpu_type = 0x5f0;
    o.pcr_size = 0x2600, o.pcr_self = 0x18, o.pcr_current_prcb = 0x20, o.pcr_prcb = 0x180,
    o.pcr_irql = 0x50;
    o.thread_size = 0x410, o.thread_initial_stack = 0x28, o.thread_stack_limit = 0x30,
    o.thread_stack_base = 0x240;
    o.thread_kernel_stack = 0x38, o.thread_apc_process = 0x68, o.thread_teb = 0xb0,
    o.thread_state = 0x154;
    o.thread_wait_reason = 0x92, o.thread_next_processor = 0x74, o.thread_trap_frame = 0x1c8;
    o.thread_cid = 0x358, o.thread_irp_list = 0x398, o.thread_start = 0x3c0,
    o.thread_list_entry = 0x3d0;
    o.process_size = 0x3e0, o.process_dtb = 0x28, o.process_id = 0xd8, o.process_links = 0xe0;
    o.process_parent = 0x218, o.process_name = 0x268, o.process_peb = 0x2c0,
    o.process_threads = 0x290;
    o.kdbg_size = 0x318;
    return o;
  }();
  return offsets;
}

const KernelOffsets& offsets_win10_19041() {
  static const KernelOffsets offsets = [] {
    KernelOffsets o{};
    o.build = 19041;
    o.prcb_size = 0xaf00, o.prcb_number = 0x24, o.prcb_number_bytes = 4;
    o.prcb_current_thread = 0x8, o.prcb_idle_thread = 0x18;
    o.prcb_state = 0x100, o.prcb_state_context = 0x1f0, o.prcb_context = 0x85c0;
    o.prcb_mhz = 0x44, o.prcb_vendor = 0x8590, o.prcb_dpc_active = 0x312a, o.prcb_cpu_type = 0x40;
    o.pcr_size = 0xb080, o.pcr_self = 0x18, o.pcr_current_prcb = 0x20, o.pcr_prcb = 0x180,
    o.pcr_irql = 0x50;
    o.thread_size = 0x898, o.thread_initial_stack = 0x28, o.thread_stack_limit = 0x30,
    o.thread_stack_base = 0x38;
    o.thread_kernel_stack = 0x58, o.thread_apc_process = 0xb8, o.thread_teb = 0xf0,
    o.thread_state = 0x184;
    o.thread_wait_reason = 0x283, o.thread_next_processor = 0x218, o.thread_trap_frame = 0x90;
    o.thread_cid = 0x478, o.thread_irp_list = 0x4b0, o.thread_start = 0x450,
    o.thread_list_entry = 0x4e8;
    o.process_size = 0xa40, o.process_dtb = 0x28, o.process_id = 0x440, o.process_links = 0x448;
    o.process_parent = 0x540, o.process_name = 0x5a8, o.process_peb = 0x550,
    o.process_threads = 0x5e0;
    o.kdbg_size = 0x380;
    return o;
  }();
  return offsets;
}

Bytes context_x64(const ContextX64& c) {
  Bytes out(0x4d0);
  put32(out, 0x30, c.flags);
  put32(out, 0x34, 0x1f80); // MxCsr
  put16(out, 0x38, c.cs);
  put16(out, 0x3a, 0x2b);
  put16(out, 0x3c, 0x2b);
  put16(out, 0x3e, 0x53);
  put16(out, 0x40, 0x2b);
  put16(out, 0x42, c.ss);
  put32(out, 0x44, c.eflags);
  for (std::size_t i = 0; i < 16; ++i) put64(out, 0x78 + 8 * i, c.gpr[i]);
  put64(out, 0xf8, c.rip);
  return out;
}

Bytes exception_record(std::uint32_t code, std::uint32_t flags, std::uint64_t address,
                       const std::vector<std::uint64_t>& parameters) {
  Bytes out(0x98);
  put32(out, 0, code);
  put32(out, 4, flags);
  put64(out, 0x10, address);
  put32(out, 0x18, parameters.size());
  for (std::size_t i = 0; i < parameters.size() && i < 15; ++i)
    put64(out, 0x20 + 8 * i, parameters[i]);
  return out;
}

Bytes kprcb(const KernelOffsets& o, const PrcbValues& v) {
  Bytes out(o.prcb_size);
  put(out, o.prcb_number, v.number, o.prcb_number_bytes);
  put64(out, o.prcb_current_thread, v.current_thread);
  put64(out, o.prcb_idle_thread, v.idle_thread);
  put64(out, o.prcb_state + 0x08, v.cr2);
  put64(out, o.prcb_state + 0x10, v.cr3);
  put64(out, o.prcb_state + 0xa0, v.cr8);
  put_bytes(out, o.prcb_state_context, v.state_context);
  if (o.prcb_context) put64(out, o.prcb_context, v.context_pointer);
  put_text(out, o.prcb_vendor, v.vendor);
  return out;
}

Bytes ethread(const KernelOffsets& o, const ThreadValues& v) {
  Bytes out(o.thread_size);
  put8(out, 0, 6); // DISPATCHER_HEADER.Type: ThreadObject
  put64(out, o.thread_initial_stack, v.initial_stack);
  put64(out, o.thread_stack_base, v.stack_base);
  put64(out, o.thread_stack_limit, v.stack_limit);
  put64(out, o.thread_kernel_stack, v.kernel_stack);
  put64(out, o.thread_apc_process, v.process);
  put64(out, o.thread_teb, v.teb);
  put8(out, o.thread_state, v.state);
  put8(out, o.thread_wait_reason, v.wait_reason);
  put8(out, o.thread_next_processor, v.next_processor);
  put64(out, o.thread_trap_frame, v.trap_frame);
  put64(out, o.thread_cid, v.process_id);
  put64(out, o.thread_cid + 8, v.thread_id);
  put64(out, o.thread_start, v.start_address);
  put64(out, o.thread_list_entry, v.list_next);
  put64(out, o.thread_list_entry + 8, v.list_previous);
  return out;
}

Bytes eprocess(const KernelOffsets& o, const ProcessValues& v) {
  Bytes out(o.process_size);
  put8(out, 0, 3); // DISPATCHER_HEADER.Type: ProcessObject
  put64(out, o.process_dtb, v.directory_table_base);
  put64(out, o.process_id, v.id);
  put64(out, o.process_links, v.links_next);
  put64(out, o.process_links + 8, v.links_previous);
  put64(out, o.process_parent, v.parent);
  put_text(out, o.process_name, v.name.substr(0, 15));
  put64(out, o.process_peb, v.peb);
  put64(out, o.process_threads, v.threads_next);
  put64(out, o.process_threads + 8, v.threads_previous);
  return out;
}

Bytes kdbg(const KernelOffsets& o, std::uint64_t own_address,
           const std::map<std::uint32_t, std::uint64_t>& pointers) {
  Bytes out(o.kdbg_size);
  put64(out, 0x00, own_address);
  put64(out, 0x08, own_address);
  put_text(out, 0x10, "KDBG");
  put32(out, 0x14, o.kdbg_size);
  for (const auto& [offset, value] : pointers) put64(out, offset, value);
  put16(out, 0x298, o.thread_next_processor);
  put16(out, 0x29a, o.thread_teb);
  put16(out, 0x29c, o.thread_kernel_stack);
  put16(out, 0x29e, o.thread_initial_stack);
  put16(out, 0x2a0, o.thread_apc_process);
  put16(out, 0x2a2, o.thread_state);
  put16(out, 0x2a8, o.process_size);
  put16(out, 0x2aa, o.process_peb);
  put16(out, 0x2ac, o.process_parent);
  put16(out, 0x2ae, o.process_dtb);
  put16(out, 0x2b0, o.prcb_size);
  put16(out, 0x2b4, o.prcb_current_thread);
  put16(out, 0x2b6, o.prcb_mhz);
  put16(out, 0x2b8, o.prcb_cpu_type);
  put16(out, 0x2ba, o.prcb_vendor);
  put16(out, 0x2bc, o.prcb_state_context);
  put16(out, 0x2be, o.prcb_number);
  put16(out, 0x2c0, o.thread_size);
  put16(out, 0x2e0, o.pcr_size);
  put16(out, 0x2e2, o.pcr_self);
  put16(out, 0x2e4, o.pcr_current_prcb);
  put16(out, 0x2e6, o.pcr_prcb);
  put16(out, 0x2f2, o.prcb_state);
  put16(out, 0x2f4, 0x10); // GdtR0Code
  put16(out, 0x2f6, 0x18); // GdtR0Data
  put16(out, 0x2fa, 0x33); // GdtR3Code
  put16(out, 0x2fc, 0x2b); // GdtR3Data
  if (o.kdbg_size >= 0x340) put16(out, 0x338, o.prcb_context);
  if (o.kdbg_size >= 0x360) {
    put32(out, 0x340, o.thread_stack_limit);
    put32(out, 0x344, o.thread_stack_base);
    put32(out, 0x34c, o.thread_irp_list);
    put16(out, 0x350, o.prcb_idle_thread);
    put16(out, 0x35c, o.thread_wait_reason);
  }
  return out;
}

} // namespace dumptriage::synth
