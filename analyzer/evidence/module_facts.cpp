#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "evidence/driver_classes.h"
#include "evidence/extractors.h"
#include "evidence/places.h"

namespace dumptriage::evidence {

namespace {

// What an image at hand adds.  Files that merely lay beside the dump add nothing: what nobody named
// must not decide whether a fix is installed.
void add_image(const Input& input, std::size_t index, Fact& fact) {
  const dump::Module& module = input.snapshot.modules[index];
  if (module.version && !input.modules.status(index).asked) return;
  const image::Image* image = input.modules.image_of(index);
  if (!image || image->origin() == memory::Origin::sibling) return;
  if (!module.version && image->version()) {
    fact.fields["version"] = image->version()->to_string();
    fact.fields["version_from"] = std::string("image");
  }
  if (image->origin() == memory::Origin::image && image->raw_size != 0)
    fact.fields["raw_size"] = image->raw_size;
  if (module.debug.kind == dump::DebugId::Kind::none && !image->debug_id().key().empty())
    fact.fields["debug_id"] = image->debug_id().key();
}

Fact module_fact(const Input& input, std::size_t index) {
  const dump::Module& module = input.snapshot.modules[index];
  Fact fact;
  fact.kind = "module";
  fact.id = module_id(input, index);
  fact.where = Where::virtual_address(module.base);
  fact.trust = "dump";
  fact.fields["name"] = module_name(module);
  if (!module.path.empty()) fact.fields["path"] = module.path;
  fact.fields["base"] = Address{module.base};
  if (module.size != 0) fact.fields["size"] = module.size;
  if (module.timestamp != 0) fact.fields["timestamp"] = std::uint64_t{module.timestamp};
  if (module.checksum != 0) fact.fields["checksum"] = std::uint64_t{module.checksum};
  if (module.version) {
    fact.fields["version"] = module.version->to_string();
    fact.fields["version_from"] = std::string("dump");
  }
  if (std::string id = module.debug.key(); !id.empty()) fact.fields["debug_id"] = id;
  if (index < input.modules.modules().size()) add_image(input, index, fact);
  if (const DriverClass* known = find_driver_class(module.path)) {
    fact.fields["class"] = std::string(known->name);
    if (!known->company.empty()) {
      fact.fields["company"] = std::string(known->company);
      fact.fields["third_party"] = true;
    }
  }
  return fact;
}

void extract_unloaded(const Input& input, FactSet& set) {
  const auto& modules = input.snapshot.unloaded_modules;
  for (std::size_t i = 0; i < std::min(modules.size(), kMostFacts); ++i) {
    Fact fact;
    fact.kind = "unloaded_module";
    const std::string name = lower(base_name(modules[i].name));
    // One driver can be unloaded from one address many times, so the index is part of the id.
    fact.id = fmt::format("unloaded_module:{}@{:X}#{}", name, modules[i].base, i);
    fact.where = Where::virtual_address(modules[i].base);
    fact.trust = "dump";
    fact.fields["name"] = name;
    fact.fields["base"] = Address{modules[i].base};
    if (modules[i].size != 0) fact.fields["size"] = modules[i].size;
    if (modules[i].timestamp != 0) fact.fields["timestamp"] = std::uint64_t{modules[i].timestamp};
    set.facts.push_back(std::move(fact));
  }
  set.coverage.push_back({"unloaded_module", Coverage::Extent::partial, modules.size(), 0,
                          "the system remembers only the last unloaded modules"});
}

} // namespace

std::string module_id(const Input& input, std::size_t index) {
  const dump::Module& module = input.snapshot.modules[index];
  return fmt::format("module:{}@{:X}", module_name(module), module.base);
}

void extract_modules(const Input& input, FactSet& set) {
  const auto& modules = input.snapshot.modules;
  const std::size_t seen = std::min(modules.size(), kMostFacts);
  for (std::size_t i = 0; i < seen; ++i) set.facts.push_back(module_fact(input, i));
  Coverage coverage{"module", Coverage::Extent::complete, seen, modules.size(), ""};
  if (seen < modules.size()) {
    coverage.extent = Coverage::Extent::partial;
    coverage.missing = fmt::format("only the first {} modules are kept", seen);
  } else if (modules.empty()) {
    coverage = {"module", Coverage::Extent::none, 0, 0, "the dump lists no modules"};
  } else if (!input.snapshot.modules_complete) {
    coverage = {"module", Coverage::Extent::partial, modules.size(), 0,
                "the module list is incomplete"};
  }
  set.coverage.push_back(std::move(coverage));
  extract_unloaded(input, set);
}

} // namespace dumptriage::evidence
