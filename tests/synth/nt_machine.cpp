#include "synth/nt_machine.h"

#include <algorithm>

namespace dumptriage::synth {
namespace {

constexpr std::uint64_t kPage = 0x1000;

KernelOffsets common_x86() {
  KernelOffsets o{};
  o.prcb_number = 0x10, o.prcb_number_bytes = 1;
  o.prcb_current_thread = 4, o.prcb_idle_thread = 0xC;
  o.prcb_state_context = 0x1C;
  o.pcr_self = 0x1C, o.pcr_current_prcb = 0x20, o.pcr_prcb = 0x120, o.pcr_irql = 0x24;
  o.thread_initial_stack = 0x18, o.thread_stack_limit = 0x1C;
  o.process_dtb = 0x18;
  return o;
}

KernelOffsets nt4() {
  KernelOffsets o = common_x86();
  o.build = 1381;
  o.prcb_size = 0x558, o.prcb_state = 0x1C + 0xCC;
  o.pcr_size = 0x678;
  o.thread_size = 0x240, o.thread_stack_base = 0x15C, o.thread_kernel_stack = 0x28;
  o.thread_apc_process = 0x34 + 0x10, o.thread_teb = 0x20, o.thread_state = 0x2D;
  o.thread_wait_reason = 0x57, o.thread_next_processor = 0x11F, o.thread_trap_frame = 0x128;
  o.thread_cid = 0x1E0, o.thread_irp_list = 0x20C, o.thread_start = 0x230;
  o.thread_list_entry = 0x1A4; // KTHREAD's
  o.process_size = 0x1F8, o.process_id = 0x94, o.process_links = 0x98, o.process_parent = 0x1A4;
  o.process_name = 0x1DC, o.process_peb = 0x18C, o.process_threads = 0x50; // KPROCESS's
  return o;
}

KernelOffsets ws2003_x86() {
  KernelOffsets o = common_x86();
  o.build = 3790;
  o.prcb_size = 0xEC0, o.prcb_state = 0x1C + 0x2CC, o.prcb_mhz = 0xB70, o.prcb_vendor = 0xB60;
  o.pcr_size = 0xFE0;
  o.thread_size = 0x250, o.thread_stack_base = 0x158, o.thread_kernel_stack = 0x20;
  o.thread_apc_process = 0x28 + 0x10, o.thread_teb = 0x74, o.thread_state = 0x4C;
  o.thread_wait_reason = 0x5A, o.thread_next_processor = 0x40, o.thread_trap_frame = 0x110;
  o.thread_cid = 0x1E4, o.thread_irp_list = 0x208, o.thread_start = 0x21C;
  o.thread_list_entry = 0x224;
  o.process_size = 0x278, o.process_id = 0x94, o.process_links = 0x98, o.process_parent = 0x138;
  o.process_name = 0x164, o.process_peb = 0x1A0, o.process_threads = 0x180;
  o.kdbg_size = 0x318;
  return o;
}

// Where KTHREAD.MutantListHead, ETHREAD.ThreadsProcess and KTHREAD.Process are; 0: no such field.
struct MoreOffsets {
  std::uint32_t mutants, threads_process, owner;
};
MoreOffsets more_offsets(NtSystem system) {
  switch (system) {
  case NtSystem::nt4_x86: return {0x10, 0x22C, 0};
  case NtSystem::ws2003sp2_x86: return {0x10, 0x218, 0x128};
  case NtSystem::ws2003sp2_x64: return {0x18, 0x3B8, 0x1E8};
  }
  return {};
}

constexpr std::uint64_t kKpcr32 = 0xFFDFF000, kShared32 = 0xFFDF0000;
constexpr std::uint64_t kKpcr64 = 0xFFFFF80001180000, kShared64 = 0xFFFFF78000000000;

} // namespace

const KernelOffsets& nt_offsets(NtSystem system) {
  static const KernelOffsets kNt4 = nt4(), kWs2003 = ws2003_x86();
  if (system == NtSystem::nt4_x86) return kNt4;
  return system == NtSystem::ws2003sp2_x86 ? kWs2003 : offsets_ws2003sp2();
}

NtMachine::NtMachine(NtSystem s, bool exports)
    : system(s), wide(s == NtSystem::ws2003sp2_x64), code(wide), build(nt_offsets(s).build),
      at_(nt_offsets(s)), exports_(exports), next_(wide ? 0xFFFFFADFE7000000 : 0x80E00000),
      next_stack_(wide ? 0xFFFFFADFE4000000 : 0xFC600000) {
  modules_ = allocate(0x40);
  process_list_ = allocate(0x40);
  block_ = allocate(0x100);
  process("System", wide || build > 1381 ? 4 : 2);
}

// ---- memory ----

std::uint64_t NtMachine::allocate(std::uint64_t size) {
  const std::uint64_t address = next_;
  next_ += (size + 0x1F) & ~std::uint64_t{0xF};
  write(address, Bytes(size));
  return address;
}
void NtMachine::write(std::uint64_t address, const Bytes& bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint64_t page = (address + i) & ~(kPage - 1), offset = address + i - page;
    const std::size_t here = std::min<std::size_t>(kPage - offset, bytes.size() - i);
    Bytes& to = pages_.try_emplace(page, Bytes(kPage)).first->second;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i), here,
                to.begin() + static_cast<std::ptrdiff_t>(offset));
    i += here;
  }
}
void NtMachine::put(std::uint64_t address, std::uint64_t value, unsigned size) {
  Bytes bytes;
  synth::put(bytes, 0, value, size);
  write(address, bytes);
}
void NtMachine::page_out(std::uint64_t address, std::uint64_t size) {
  const std::uint64_t end = address + size;
  for (address &= ~(kPage - 1); address < end; address += kPage) paged_out_.insert(address);
}
void NtMachine::unicode(std::uint64_t address, const std::string& text) {
  const std::uint64_t buffer = allocate(2 * text.size() + 2);
  Bytes wide_text;
  put_utf16(wide_text, 0, text);
  write(buffer, wide_text);
  put(address, 2 * text.size(), 2);
  put(address + 2, 2 * text.size() + 2, 2);
  put_pointer(address + word(), buffer);
}
void NtMachine::ring(std::uint64_t head, const std::vector<std::uint64_t>& entries) {
  std::uint64_t before = head;
  for (std::uint64_t entry : entries) {
    put_pointer(before, entry);
    put_pointer(entry + word(), before);
    before = entry;
  }
  put_pointer(before, head);
  put_pointer(head + word(), before);
}

// ---- images, processes, threads ----

void NtMachine::load_images() {
  std::vector<std::uint64_t> entries;
  for (const NtImage& image : code.images()) {
    write(image.base, code.image(image, exports_).memory());
    const std::uint64_t entry = allocate(0xB0);
    put_pointer(entry + (wide ? 0x30 : 0x18), image.base);
    put(entry + (wide ? 0x40 : 0x20), image.size_of_image(), 4);
    unicode(entry + (wide ? 0x48 : 0x24), image.path);
    unicode(entry + (wide ? 0x58 : 0x2C), image.path.substr(image.path.rfind('\\') + 1));
    put(entry + (wide ? 0x78 : 0x40), image.checksum, 4);
    if (!wide && build <= 2195) put(entry + 0x44, image.timestamp, 4);
    entries.push_back(entry);
  }
  ring(modules_, entries);
}

std::size_t NtMachine::process(const std::string& name, std::uint32_t id) {
  const std::uint64_t object = allocate(at_.process_size);
  put(object, 3, 1);
  put_pointer(object + at_.process_id, id);
  Bytes text(16);
  put_text(text, 0, name.substr(0, 15));
  write(object + at_.process_name, text);
  processes_.push_back({name, id, object, {}});
  return processes_.size() - 1;
}

std::pair<std::uint64_t, std::uint64_t> NtMachine::next_stack() {
  const std::uint64_t size = wide ? 0x6000 : 0x3000, limit = next_stack_;
  next_stack_ += size + 2 * kPage;
  return {limit, limit + size};
}

std::uint64_t NtMachine::thread(const NtStack& stack, const NtThreadPlan& plan) {
  const MoreOffsets more = more_offsets(system);
  const bool given = plan.object != 0;
  const std::uint64_t object = given ? plan.object : allocate(at_.thread_size);
  Process& process = processes_.at(plan.process);
  write(stack.limit(), stack.bytes());
  put(object, 6, 1);
  put_pointer(object + at_.thread_initial_stack, stack.base() - 0x20);
  put_pointer(object + at_.thread_stack_limit, stack.limit());
  put_pointer(object + at_.thread_stack_base, stack.base());
  put_pointer(object + at_.thread_kernel_stack, stack.sp());
  put_pointer(object + at_.thread_apc_process, process.object);
  put_pointer(object + more.threads_process, process.object);
  if (more.owner != 0) put_pointer(object + more.owner, process.object);
  if (!given) {
    put(object + at_.thread_state, plan.cpu >= 0 ? 2 : 5, 1);
    ring(object + more.mutants, {});
    ring(object + at_.thread_irp_list, {});
  }
  put_pointer(object + at_.thread_cid, process.id);
  const std::size_t count = process.threads.size();
  put_pointer(object + at_.thread_cid + word(),
              plan.id != 0 ? plan.id : 4 * (40 + 8 * plan.process + count));
  process.threads.push_back(object + at_.thread_list_entry);
  if (plan.cpu >= 0) {
    put(object + at_.thread_next_processor, static_cast<unsigned>(plan.cpu), 1);
    cpus_[plan.cpu] = {object, plan.context};
  }
  return object;
}

void NtMachine::adopt(const KernelObjects& objects) {
  for (const auto& [address, bytes] : objects.pieces()) write(address, bytes);
}

// ---- the rest of the system ----

void NtMachine::lay_cpus() {
  for (const auto& [number, cpu] : cpus_) {
    const auto index = static_cast<std::uint64_t>(number);
    std::uint64_t kpcr = wide ? kKpcr64 : kKpcr32;
    if (index != 0) kpcr = wide ? kKpcr64 + 0x10000 * index : 0xF8700000 + 0x10000 * index;
    const std::uint64_t prcb = kpcr + at_.pcr_prcb;
    write(kpcr, Bytes(at_.pcr_prcb + at_.prcb_size));
    put_pointer(kpcr + at_.pcr_self, kpcr);
    put_pointer(kpcr + at_.pcr_current_prcb, prcb);
    if (!wide) put(prcb, 0x00010001, 4); // MinorVersion, MajorVersion
    put(kpcr + (wide ? at_.pcr_irql : 0x51u), wide ? 2 : index, 1);
    if (!wide) put(kpcr + at_.pcr_irql, 2, 1);
    put(prcb + at_.prcb_number, index, at_.prcb_number_bytes);
    put_pointer(prcb + at_.prcb_current_thread, cpu.thread);
    write(prcb + at_.prcb_state_context, cpu.context);
    put_pointer(block_ + index * word(), prcb);
  }
  processors = static_cast<std::uint32_t>(cpus_.size());
}

// NT 4 has none.
void NtMachine::lay_kdbg() {
  if (at_.kdbg_size == 0) return;
  kdbg_ = allocate(at_.kdbg_size);
  const std::uint64_t csd = allocate(0x100), lab = allocate(0x100);
  put(csd, service_pack << 8, 4);
  Bytes text;
  put_text(text, 0, "3790.srv03_sp2_rtm.070216-1710");
  write(lab, text);
  const std::uint64_t sign = wide ? 0 : 0xFFFFFFFF00000000;
  std::map<std::uint32_t, std::uint64_t> pointers = {
      {kKdbgKernBase, code.images().front().base | sign},
      {kKdbgPsLoadedModuleList, modules_ | sign},
      {kKdbgPsActiveProcessHead, process_list_ | sign},
      {kKdbgKiProcessorBlock, block_ | sign},
      {kKdbgNtBuildLab, lab | sign},
      {kKdbgCmNtCSDVersion, csd | sign}};
  write(kdbg_, kdbg(at_, kdbg_ | sign, pointers));
}

// KUSER_SHARED_DATA: version, product, suite (ntddk.h).
void NtMachine::lay_shared() {
  const std::uint64_t shared = wide ? kShared64 : kShared32;
  put(shared + 0x264, product_type, 4);
  put(shared + 0x268, 1, 1);
  put(shared + 0x26C, build == 1381 ? 4 : 5, 4);
  put(shared + 0x270, build == 1381 || build == 2195 ? 0 : 2, 4);
  if (build != 1381) put(shared + 0x2D0, suite_mask, 4);
}

void NtMachine::finish() {
  std::vector<std::uint64_t> links;
  for (Process& process : processes_) {
    ring(process.object + at_.process_threads, process.threads);
    links.push_back(process.object + at_.process_links);
  }
  ring(process_list_, links);
  lay_cpus();
  lay_kdbg();
  lay_shared();
}

// ---- the dump ----

// Page tables: those first, the pages behind them in order of address.
std::uint64_t NtMachine::lay_tables(std::map<std::uint64_t, Bytes>& frames) {
  static constexpr int kWide[] = {39, 30, 21, 12}, kNarrow[] = {22, 12};
  const int* levels = wide ? kWide : kNarrow;
  const std::uint64_t entries = wide ? 512 : 1024;
  constexpr std::uint64_t kRoot = 2;
  std::uint64_t next = kRoot + 1;
  std::map<std::pair<int, std::uint64_t>, std::uint64_t> tables; // level and address: frame
  frames[kRoot] = Bytes(kPage);
  auto entry_of = [&](std::uint64_t page) {
    std::uint64_t table = kRoot;
    const int* shift = levels;
    for (; *shift != 12; ++shift) {
      auto [found, added] = tables.try_emplace({*shift, page >> *shift}, next);
      if (added) frames[next++] = Bytes(kPage);
      synth::put(frames[table], (page >> *shift) % entries * word(), found->second << 12 | 0x63,
                 word());
      table = found->second;
    }
    return std::pair(table, (page >> 12) % entries * word());
  };
  for (const auto& [page, bytes] : pages_) entry_of(page); // the tables come first
  for (const auto& [page, bytes] : pages_) {
    const auto [table, offset] = entry_of(page);
    if (paged_out_.contains(page)) { // its place in the page file
      synth::put(frames[table], offset, 0x1234ull << 12, word());
      continue;
    }
    synth::put(frames[table], offset, next << 12 | 0x63, word());
    frames[next++] = bytes;
  }
  synth::put(frames[kRoot], (wide ? 0x1ED : 0x300) * word(), kRoot << 12 | 0x63, word());
  return kRoot << 12;
}

Bytes NtMachine::header(std::uint64_t root, std::uint64_t frames) const {
  const std::size_t size = wide ? 0x2000 : 0x1000, w = word();
  Bytes out(size);
  for (std::size_t i = 0; i < size; i += 4) put_text(out, i, "PAGE");
  put_text(out, 0, wide ? "PAGEDU64" : "PAGEDUMP");
  put32(out, 0x08, 15);
  put32(out, 0x0C, build);
  synth::put(out, 0x10, root, w);
  synth::put(out, wide ? 0x18 : 0x14, 0, w);
  synth::put(out, wide ? 0x20 : 0x18, modules_, w);
  synth::put(out, wide ? 0x28 : 0x1C, process_list_, w);
  put32(out, wide ? 0x30 : 0x20, wide ? 0x8664 : 0x14C);
  put32(out, wide ? 0x34 : 0x24, processors);
  put32(out, wide ? 0x38 : 0x28, stop);
  for (std::size_t i = 0; i < 4; ++i)
    synth::put(out, (wide ? 0x40 : 0x2C) + w * i, parameters[i], w);
  const std::size_t block = wide ? 0x88 : 0x64;
  put32(out, block, 1);
  synth::put(out, block + w, frames, w);
  synth::put(out, block + 2 * w, root >> 12, w);
  synth::put(out, block + 3 * w, frames, w);
  const Bytes& context = cpus_.at(static_cast<int>(crashed)).context;
  Bytes whole = context;
  whole.resize(wide ? 3000 : 1200);
  put_bytes(out, wide ? 0x348 : 0x320, whole);
  put_bytes(out, wide ? 0xF00 : 0x7D0, Bytes(wide ? 0x98 : 0x50));
  put32(out, wide ? 0xF00 : 0x7D0, 0x80000003);
  if (build == 1381) return out;
  if (!wide) put8(out, 0x5C, 0);
  synth::put(out, wide ? 0x80 : 0x60, kdbg_, w);
  put32(out, wide ? 0xF98 : 0xF88, 1);
  put64(out, 0xFA0, size + frames * kPage);
  put64(out, wide ? 0xFA8 : 0xFC0, 128161620000000000);
  put64(out, wide ? 0x1030 : 0xFB8, 44320000000);
  put32(out, wide ? 0x1040 : 0xF94, product_type);
  put32(out, wide ? 0x1044 : 0xF98, suite_mask);
  put32(out, wide ? 0x1048 : 0xF9C, 0);
  return out;
}

Bytes NtMachine::full_dump() {
  // The directory of every process is this one: they have no memory of their own.
  for (const Process& process : processes_)
    put_pointer(process.object + at_.process_dtb, 2 * kPage);
  finish();
  std::map<std::uint64_t, Bytes> frames;
  const std::uint64_t root = lay_tables(frames);
  Bytes out = header(root, frames.size());
  for (const auto& [frame, bytes] : frames) append(out, bytes);
  return out;
}

} // namespace dumptriage::synth
