#include "system/layout.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "system/layout_tables.h"

namespace dumptriage::system {
namespace {

using layouts::Row;
using layouts::Table;
using layouts::Variant;

// Releases whose kernel is that of another build: they differ in what is switched on only.
std::uint32_t kernel_build(std::uint32_t build) {
  if (build == 6003) return 6002;
  if (build == 18363) return 18362;
  if (build >= 19042 && build <= 19045) return 19041;
  if (build == 26200) return 26100;
  return build;
}

// The service pack that a variant's revision belongs to, of builds that kept their number.
std::optional<std::uint32_t> service_pack_of(const Variant& variant) {
  switch (variant.build) {
  case 2600: return variant.revision >= 5512 ? 3 : 2;
  case 3790: return variant.revision >= 3959 ? 2 : variant.revision >= 1830 ? 1 : 0;
  default: return std::nullopt;
  }
}

// Fields that KDBG knows, from which the others of their structure keep their distance over many
// builds, whereas offsets move with servicing updates.
std::string_view anchor_of(std::string_view structure) {
  if (structure == "_EPROCESS") return "InheritedFromUniqueProcessId";
  if (structure == "_ETHREAD") return "IrpList";
  return {};
}

// Structures whose shape NT 4 and 2000 share with XP, as far as anybody has written about them.
// Others changed, or nothing is known.
bool like_xp(std::string_view structure, std::string_view field) {
  constexpr std::string_view kAlike[] = {"_CLIENT_ID",
                                         "_DEVICE_OBJECT",
                                         "_DISPATCHER_HEADER",
                                         "_DRIVER_OBJECT",
                                         "_FAST_MUTEX",
                                         "_FILE_OBJECT",
                                         "_IO_STACK_LOCATION",
                                         "_IRP",
                                         "_KAPC_STATE",
                                         "_KEVENT",
                                         "_KMUTANT",
                                         "_KQUEUE",
                                         "_KSEMAPHORE",
                                         "_KTIMER",
                                         "_KTRAP_FRAME",
                                         "_KWAIT_BLOCK",
                                         "_MDL",
                                         "_POOL_TRACKER_TABLE"};
  return std::ranges::find(kAlike, structure) != std::end(kAlike) ||
         (structure == "_KPROCESSOR_STATE" && field == "ContextFrame");
}

// ARM64 and x64 kernels are of one source: what holds neither registers nor a CPU's own data is
// laid out alike.
bool depends_on_cpu(std::string_view structure) {
  constexpr std::string_view kCpus[] = {"_KTHREAD",
                                        "_ETHREAD",
                                        "_EPROCESS",
                                        "_KPROCESS",
                                        "_KPRCB",
                                        "_KPCR",
                                        "_KPROCESSOR_STATE",
                                        "_KSPECIAL_REGISTERS",
                                        "_KTRAP_FRAME",
                                        "_KEXCEPTION_FRAME",
                                        "_KERNEL_STACK_CONTROL",
                                        "_KSTACK_CONTROL"};
  return std::ranges::find(kCpus, structure) != std::end(kCpus);
}

struct Nested {
  std::string_view structure, path, outer, inner_structure, inner;
};
constexpr Nested kNested[] = {
    {"_KTHREAD", "ApcState.Process", "ApcState", "_KAPC_STATE", "Process"},
    {"_KPRCB", "ProcessorState.ContextFrame", "ProcessorState", "_KPROCESSOR_STATE",
     "ContextFrame"},
    {"_KPRCB", "ProcessorState.SpecialRegisters", "ProcessorState", "_KPROCESSOR_STATE",
     "SpecialRegisters"},
};

Field field_of(const Row& row, std::string_view from) {
  return {row.offset, row.size, row.first_bit, row.bits, from};
}

// All variants whose build lies in [first, last].
std::uint32_t variants_in(const Table& table, std::uint32_t first, std::uint32_t last) {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < table.variants.size(); ++i)
    if (table.variants[i].build >= first && table.variants[i].build <= last) mask |= 1u << i;
  return mask;
}

// KPRCB.Number was a byte before Vista and 16 bits in it (public symbols); 32 bits from 7 on.
std::uint32_t kdbg_field_size(const layouts::KdbgField& field, std::uint32_t build) {
  if (field.field == "Number") return build < 6000 ? 1 : build < 7600 ? 2 : 4;
  if (field.field == "NextProcessor") return build < 7600 ? 1 : 4;
  return field.size;
}

} // namespace

Layout::Group Layout::group_of(std::string_view structure) {
  if (structure == "_KTHREAD" || structure == "_ETHREAD") return thread;
  if (structure == "_KPROCESS" || structure == "_EPROCESS") return process;
  if (structure == "_KPRCB" || structure == "_KPCR" || structure == "_KPROCESSOR_STATE") return cpu;
  return other;
}

std::optional<Field> Layout::from_symbols(std::string_view structure, std::string_view name) const {
  if (!types_) return std::nullopt;
  if (name == "(sizeof)") {
    auto size = types_->size(structure);
    return size ? std::optional(Field{0, *size, 0, 0, "symbols"}) : std::nullopt;
  }
  auto found = types_->field(structure, name);
  if (!found) return std::nullopt;
  return Field{found->offset, found->size, found->first_bit, found->bits, "symbols"};
}

std::optional<Field> Layout::from_kdbg(std::string_view structure, std::string_view name) const {
  for (const layouts::KdbgField& field : layouts::kdbg_fields()) {
    if (field.structure != structure || field.field != name) continue;
    bool x86 = machine_ == arch::Machine::x86;
    if ((field.cpu == layouts::KdbgField::x86 && !x86) ||
        (field.cpu == layouts::KdbgField::not_x86 && x86))
      continue;
    auto offset = field.width == 4 ? kdbg_.offset32(field.at) : kdbg_.offset16(field.at);
    if (!offset) return std::nullopt;
    // A structure's size is kept where tables keep it.
    if (name == "(sizeof)") return Field{0, *offset, 0, 0, "kdbg"};
    return Field{*offset, kdbg_field_size(field, build_), 0, 0, "kdbg"};
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Layout::kdbg_offset(std::string_view structure,
                                                 std::string_view name) const {
  auto field = from_kdbg(structure, name);
  return field ? std::optional(field->offset) : std::nullopt;
}

std::optional<Field> Layout::from_table(std::string_view structure, std::string_view name) const {
  Group group = group_of(structure);
  if (!sure_[group]) return std::nullopt;
  const Row* row = layouts::find_row(layouts::table_of(machine_), structure, name, fitting_[group]);
  return row ? std::optional(field_of(*row, "table")) : std::nullopt;
}

// The distance from the anchor is read where the offset itself is not good: in the builds before
// and after, which must agree, or in variants of this build whose sizes are others.
std::optional<Field> Layout::by_distance(std::string_view structure, std::string_view name) const {
  std::string_view anchor = anchor_of(structure);
  if (anchor.empty() || name == "(sizeof)") return std::nullopt;
  auto base = kdbg_offset(structure, anchor);
  if (!base) return std::nullopt;
  // EPROCESS and ETHREAD of ARM64 keep the distances of x64.
  constexpr std::uint32_t kFirstArm64 = 18362;
  bool arm64 = machine_ == arch::Machine::arm64 && build_ >= kFirstArm64;
  const Table table = layouts::table_of(arm64 ? arch::Machine::x64 : machine_);
  std::uint32_t before = before_, after = after_;
  if (arm64) {
    before = variants_in(table, kFirstArm64, build_);
    before = before == 0 ? 0 : std::bit_floor(before);
    after = variants_in(table, build_, UINT32_MAX);
    after &= -after;
  }
  auto distance = [&](std::uint32_t variants) -> std::optional<std::int64_t> {
    const Row* from = layouts::find_row(table, structure, anchor, variants);
    const Row* to = layouts::find_row(table, structure, name, variants);
    if (!from || !to) return std::nullopt;
    return static_cast<std::int64_t>(to->offset) - from->offset;
  };
  Group group = group_of(structure);
  bool servicing = !arm64 && fitting_[group] != 0;
  auto first = distance(servicing ? fitting_[group] : before);
  auto second = servicing ? first : distance(after);
  if (!first || first != second || static_cast<std::int64_t>(*base) + *first < 0)
    return std::nullopt;
  Field field = field_of(
      *layouts::find_row(table, structure, name, servicing ? fitting_[group] : before), "derived");
  field.offset = static_cast<std::uint32_t>(*base + *first);
  return field;
}

// Builds without a table: an offset that the builds before and after share.
std::optional<Field> Layout::between(std::string_view structure, std::string_view name) const {
  if (before_ == 0 || after_ == 0) return std::nullopt;
  const Row* row =
      layouts::find_row(layouts::table_of(machine_), structure, name, before_ | after_);
  return row ? std::optional(field_of(*row, "derived")) : std::nullopt;
}

std::optional<Field> Layout::infer(std::string_view structure, std::string_view name) const {
  const Table table = layouts::table_of(machine_);
  auto answer = [](const Row* row) {
    return row ? std::optional(field_of(*row, "inferred")) : std::nullopt;
  };
  std::uint32_t fitting = fitting_[group_of(structure)];
  if (fitting != 0)
    if (auto field = answer(layouts::find_row(table, structure, name, fitting))) return field;
  if (machine_ == arch::Machine::x86 && (build_ == 1381 || build_ == 2195))
    return like_xp(structure, name)
               ? answer(layouts::find_row(table, structure, name, variants_in(table, 2600, 2600)))
               : std::nullopt;
  // Kept from Windows 8 up to the last table that knows the structure.
  constexpr std::uint32_t kStableSince = 9200, kLastFull = 19041;
  if (build_ < kStableSince) return std::nullopt;
  if (machine_ == arch::Machine::arm64) {
    if (depends_on_cpu(structure))
      return answer(layouts::find_row(table, structure, name, before_));
    const Table x64 = layouts::table_of(arch::Machine::x64);
    return answer(
        layouts::find_row(x64, structure, name, variants_in(x64, kStableSince, kLastFull)));
  }
  if (build_ <= kLastFull || structure == "_EPROCESS" || structure == "_ETHREAD")
    return std::nullopt;
  return answer(
      layouts::find_row(table, structure, name, variants_in(table, kStableSince, kLastFull)));
}

std::optional<Field> Layout::field(std::string_view structure, std::string_view name) const {
  if (dropped_[group_of(structure)]) return std::nullopt;
  if (auto field = from_symbols(structure, name)) return field;
  if (auto field = from_kdbg(structure, name)) return field;
  if (auto field = from_table(structure, name)) return field;
  if (auto field = by_distance(structure, name)) return field;
  if (auto field = between(structure, name)) return field;
  for (const Nested& nested : kNested) {
    if (nested.structure != structure || nested.path != name) continue;
    auto outer = field(structure, nested.outer);
    auto inner = field(nested.inner_structure, nested.inner);
    if (!outer || !inner) break;
    bool unsure = outer->from == "inferred";
    return Field{outer->offset + inner->offset, inner->size, 0, 0,
                 unsure ? outer->from : inner->from};
  }
  return inferred_ ? infer(structure, name) : std::nullopt;
}

std::optional<std::uint32_t> Layout::offset(std::string_view structure,
                                            std::string_view name) const {
  auto found = field(structure, name);
  return found ? std::optional(found->offset) : std::nullopt;
}

std::optional<std::uint32_t> Layout::size(std::string_view structure) const {
  auto found = field(structure, "(sizeof)");
  return found && found->size != 0 ? std::optional(found->size) : std::nullopt;
}

bool Layout::needs_proof() const {
  constexpr std::pair<std::string_view, std::string_view> kCore[] = {
      {"_KTHREAD", "State"},
      {"_KTHREAD", "StackLimit"},
      {"_ETHREAD", "Cid"},
      {"_EPROCESS", "UniqueProcessId"},
      {"_EPROCESS", "ImageFileName"}};
  return std::ranges::any_of(kCore, [&](const auto& core) {
    auto found = field(core.first, core.second);
    return found && found->from == "inferred";
  });
}

void Layout::choose_variants(std::optional<std::uint32_t> service_pack) {
  const Table table = layouts::table_of(machine_);
  const std::uint32_t build = kernel_build(build_);
  const std::uint32_t all = variants_in(table, build, build);
  if (all == 0) {
    std::uint32_t below = variants_in(table, 0, build),
                  above = variants_in(table, build, UINT32_MAX);
    before_ = below == 0 ? 0 : std::bit_floor(below);
    after_ = above & -above;
    fitting_.fill(0);
    return;
  }
  // What fits the sizes of KDBG, by group; the other groups and the service pack choose further
  // where that leaves something.
  constexpr std::string_view kSized[] = {"_ETHREAD", "_EPROCESS", "_KPRCB"};
  std::uint32_t common = all;
  sure_.fill(true);
  for (Group group : {thread, process, cpu}) {
    fitting_[group] = all;
    auto size = from_kdbg(kSized[group], "(sizeof)");
    if (!size) continue;
    std::uint32_t fit = 0;
    for (std::uint32_t rest = all; rest != 0; rest &= rest - 1) {
      std::uint32_t variant = rest & -rest;
      const Row* row = layouts::find_row(table, kSized[group], "(sizeof)", variant);
      if (!row || row->size == size->size) fit |= variant; // not known is no contradiction
    }
    sure_[group] = fit != 0;
    if (fit != 0) fitting_[group] = fit;
    common &= fitting_[group];
  }
  fitting_[other] = common != 0 ? common : all;
  std::uint32_t of_pack = 0;
  for (std::size_t i = 0; i < table.variants.size(); ++i) {
    if (!(all >> i & 1)) continue;
    auto pack = service_pack_of(table.variants[i]);
    if (pack && pack == service_pack) of_pack |= 1u << i;
  }
  for (std::uint32_t& fitting : fitting_) {
    if (fitting & common) fitting &= common;
    if (fitting & of_pack) fitting &= of_pack;
  }
  // XP before SP2, or of an unknown service pack, has no sizes in KDBG and no table.
  if (build == 2600 && of_pack == 0) sure_.fill(false);
}

Layout choose_layout(arch::Machine machine, std::uint32_t build,
                     std::optional<std::uint32_t> service_pack, const dump::DebuggerData& kdbg) {
  Layout layout;
  layout.machine_ = machine;
  layout.build_ = build;
  layout.pointer_size_ = arch::pointer_size_of(machine);
  layout.kdbg_ = kdbg;
  layout.choose_variants(service_pack);
  const Table table = layouts::table_of(machine);
  auto name = [&](std::uint32_t mask) {
    return mask == 0 ? std::string_view() : table.variants[std::countr_zero(mask)].name;
  };
  std::uint32_t fitting = layout.fitting_[Layout::other];
  if (fitting != 0)
    layout.variant_ = name(fitting);
  else if (layout.before_ != 0 && layout.after_ != 0)
    layout.variant_ = fmt::format("between {} and {}", name(layout.before_), name(layout.after_));
  else if (layout.before_ != 0)
    layout.variant_ = fmt::format("after {}", name(layout.before_));
  return layout;
}

} // namespace dumptriage::system
