#include "evidence/places.h"

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::evidence {

std::string module_name(const dump::Module& module) { return lower(base_name(module.path)); }

std::optional<Place> place_of(const Input& input, std::uint64_t address) {
  const auto index = input.modules.module_at(address);
  if (!index || *index >= input.snapshot.modules.size()) return std::nullopt;
  const dump::Module& module = input.snapshot.modules[*index];
  return Place{*index, module_name(module), address - module.base};
}

const dump::UnloadedModule* unloaded_at(const Input& input, std::uint64_t address) {
  for (const auto& module : input.snapshot.unloaded_modules) {
    if (address >= module.base && address - module.base < module.size) return &module;
  }
  return nullptr;
}

std::string describe_code(const Input& input, std::uint64_t address) {
  if (auto place = place_of(input, address)) {
    std::string text = place->name + "+" + offset_text(place->rva);
    auto named = input.modules.name(address);
    if (named && !named->symbol.far && !named->symbol.function.empty())
      text += fmt::format(" ({}+{})", named->symbol.function, offset_text(named->symbol.offset));
    return text;
  }
  if (auto* module = unloaded_at(input, address)) {
    return fmt::format("unloaded {}+{}", lower(base_name(module->name)),
                       offset_text(address - module->base));
  }
  return {};
}

std::string address_text(const Input& input, std::uint64_t address) {
  return hex_address(address, arch::pointer_size_of(input.snapshot.machine));
}

std::string offset_text(std::uint64_t offset) { return hex(offset); }

std::uint64_t native(const Input& input, std::uint64_t address) {
  return arch::pointer_size_of(input.snapshot.machine) == 4 ? address & 0xFFFFFFFF : address;
}

} // namespace dumptriage::evidence
