// The key: stop class and one place, both of which stand in the dump itself.
//   "D1:netbt.sys@4549BB7C3A000+1234", "C0000005:app.exe@<debug id>+1012", "19:20"
// Stop class: the STOP or exception code without the M bit, with the kind of failure where a
// parameter selects it.  Place: the first proved frame outside of the modules that only carry the
// blow, as module, build and rva.  One frame, not several, because how many frames are proved
// depends on the images at hand, while the first one most often is the fault itself.  Function
// names are never looked at, so the key is the same with and without symbols.
#include <fmt/format.h>

#include "base/text.h"
#include "evidence/culprits.h"
#include "evidence/exceptions.h"
#include "evidence/extractors.h"
#include "evidence/fault_scene.h"
#include "evidence/parameters.h"
#include "evidence/places.h"
#include "evidence/trail.h"
#include "formats/bugchecks.h"

namespace dumptriage::evidence {

namespace {

// A STOP whose parameter selects quite different failures; parameters count from 1.
struct Selector {
  std::uint32_t code;
  std::size_t parameter;
};
constexpr Selector kSelectors[] = {
    {0x19, 1}, {0x1A, 1}, {0x1E, 1}, {0x3B, 1}, {0x4E, 1}, {0x7E, 1},  {0x7F, 1},
    {0x8E, 1}, {0x9F, 1}, {0xC1, 4}, {0xC2, 1}, {0xC4, 1}, {0x133, 1}, {0x139, 1},
};

std::string stop_class(const system::Snapshot& snapshot) {
  const system::Stop& stop = snapshot.stop;
  switch (stop.kind) {
  case system::StopKind::hang: return "hang";
  case system::StopKind::none: return "none";
  case system::StopKind::exception: {
    std::string text = fmt::format("{:X}", stop.code);
    if (platform_of(snapshot) == Platform::windows && stop.code == 0xC0000409 && stop.exception &&
        !stop.exception->parameters.empty())
      text += fmt::format(":{:X}", stop.exception->parameters[0]);
    return text;
  }
  case system::StopKind::bugcheck: break;
  }
  const std::uint32_t code = formats::normalized_bugcheck(stop.code);
  for (const Selector& row : kSelectors) {
    if (row.code == code && row.parameter <= stop.parameters.size())
      // Statuses are sign-extended on 64-bit systems; all selectors fit in 32 bits.
      return fmt::format("{:X}:{:X}", code, stop.parameters[row.parameter - 1] & 0xFFFFFFFF);
  }
  return fmt::format("{:X}", code);
}

// Debug id, else time stamp and size; empty when the dump knows neither.
std::string build_of(const dump::Module& module) {
  if (std::string id = module.debug.key(); !id.empty()) return id;
  if (module.timestamp == 0 && module.size == 0) return {};
  return fmt::format("{:08X}{:x}", module.timestamp, module.size);
}

struct Spot {
  std::size_t module = 0;
  std::uint64_t rva = 0;
};

std::optional<Spot> spot_of(const Input& input, std::uint64_t address) {
  const auto place = place_of(input, address);
  if (!place) return std::nullopt;
  return Spot{place->module, place->rva};
}

bool is_bystander(const Input& input, const Spot& spot) {
  return !bystander_module(module_name(input.snapshot.modules[spot.module])).empty();
}

// The first place outside of bystander modules; else the fault's own.
std::optional<Spot> find_spot(const Input& input) {
  if (!blameless_stop(input.snapshot).empty()) return std::nullopt;
  std::optional<Spot> fallback;
  if (const auto scene = find_fault_scene(input)) fallback = spot_of(input, scene->ip);
  if (!fallback) {
    if (auto ip = bugcheck_parameter(input.snapshot, formats::ParameterRole::ip))
      fallback = spot_of(input, native(input, *ip));
  }
  if (fallback && !is_bystander(input, *fallback)) return fallback;
  const auto thread = crashed_thread(input);
  const stack::Stack* stack = thread ? stack_of(input, *thread) : nullptr;
  if (!stack) return fallback;
  for (const stack::Frame* frame : find_trail(input, *stack).frames) {
    const auto spot = spot_of(input, frame->pc);
    if (spot && !is_bystander(input, *spot)) return spot;
  }
  return fallback;
}

std::string stop_title(const Input& input, const StopText& stop) {
  const system::Stop& facts = input.snapshot.stop;
  switch (facts.kind) {
  case system::StopKind::hang: return "hang";
  case system::StopKind::none: return "no crash";
  case system::StopKind::bugcheck: {
    std::string title = hex(formats::normalized_bugcheck(facts.code));
    if (auto code = exception_code(input.snapshot)) title += fmt::format(" ({})", hex(*code, 8));
    return title;
  }
  case system::StopKind::exception: break;
  }
  if (platform_of(input.snapshot) == Platform::windows || stop.name.empty())
    return hex(facts.code, 8);
  return stop.name;
}

std::string fault_title(const Fault& fault, int pointer_size) {
  if (fault.access.empty()) return {};
  const std::string verb = fault.access == "execute" ? "jump to" : fault.access + " of";
  if (!fault.address) return fmt::format(" ({})", fault.access);
  if (fault.address_class == "null+offset")
    return fmt::format(" ({} null+{})", verb, offset_text(*fault.address));
  if (fault.address_class == "stack exhausted") return " (stack exhausted)";
  if (fault.address_class == "guard page") return fmt::format(" ({} a guard page)", verb);
  if (fault.address_class == "execute of non-code") return " (execute of non-code)";
  if (fault.address_class == "unloaded module")
    return fmt::format(" ({} an unloaded module)", verb);
  if (fault.address_class.ends_with("-fill"))
    return fmt::format(" ({} a {} pattern)", verb, fault.address_class);
  if (fault.address_class.empty() || fault.address_class == "wild")
    return fmt::format(" ({} {})", verb, hex_address(*fault.address, pointer_size));
  return fmt::format(" ({} {})", verb,
                     fault.address_class == "null" ? "null"
                     : fault.address_class == "misaligned" || fault.address_class == "non-canonical"
                         ? fmt::format("a {} address", fault.address_class)
                         : "a kernel address");
}

std::string title_of(const Input& input, const StopText& stop, const Blame& blame,
                     const std::optional<Spot>& spot) {
  std::string title = stop_title(input, stop);
  if (!blame.module.empty()) {
    title += fmt::format(" in {}+{}", blame.module, offset_text(blame.offset.value_or(0)));
  } else if (spot) {
    title += fmt::format(" in {}+{}", module_name(input.snapshot.modules[spot->module]),
                         offset_text(spot->rva));
  }
  if (const auto fault = describe_fault(input))
    title += fault_title(*fault, arch::pointer_size_of(input.snapshot.machine));
  return title;
}

} // namespace

Bucket make_bucket(const Input& input, const StopText& stop, const Blame& blame) {
  Bucket bucket;
  bucket.key = bucket.family = stop_class(input.snapshot);
  const auto spot = find_spot(input);
  if (spot) {
    const dump::Module& module = input.snapshot.modules[spot->module];
    const std::string name = module_name(module);
    bucket.key += fmt::format(":{}@{}+{:x}", name, build_of(module), spot->rva);
    // An rva means nothing without its build.
    bucket.family += ":" + name;
  }
  bucket.title = title_of(input, stop, blame, spot);
  return bucket;
}

} // namespace dumptriage::evidence
