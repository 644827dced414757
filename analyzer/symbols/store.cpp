#include "symbols/store.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "symbols/file_index.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using dump::DebugId;

// "45D69710", size 0x14A000.
std::string stamp_text(std::uint32_t timestamp, std::uint64_t size) {
  return fmt::format("time stamp {:08X} and size {:X}", timestamp, size);
}

std::string id_text(const DebugId& id) {
  return id.key().empty() ? "no debug id" : "debug id " + id.key();
}

// Why `image` is not the module's; empty when it is.  Time stamp and SizeOfImage must both be the
// module's; where the dump has no time stamp the debug id alone decides; where both sides have a
// debug id it must agree as well, where they do not the check sum (which signing a file changes).
std::string why_not(const image::Image& image, const dump::Module& module) {
  bool module_has_id = !module.debug.key().empty();
  if (module.timestamp == 0 || module.size == 0) {
    if (!module_has_id) return "the dump records neither a time stamp nor a debug id";
    if (image.debug_id().key() == module.debug.key()) return {};
    return fmt::format("{}, wanted {}", id_text(image.debug_id()), id_text(module.debug));
  }
  if (image.timestamp != module.timestamp || image.size_of_image != module.size)
    return fmt::format("{}, wanted {}", stamp_text(image.timestamp, image.size_of_image),
                       stamp_text(module.timestamp, module.size));
  if (module_has_id && !image.debug_id().key().empty()) {
    if (image.debug_id().key() == module.debug.key()) return {};
    return fmt::format("{}, wanted {}", id_text(image.debug_id()), id_text(module.debug));
  }
  if (module.checksum != 0 && image.checksum != 0 && image.checksum != module.checksum)
    return fmt::format("check sum {:08X}, wanted {:08X}", image.checksum, module.checksum);
  return {};
}

void add_name(std::vector<std::string>& names, std::string name) {
  if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return;
  names.push_back(std::move(name));
}

std::vector<std::string> pdb_names(const dump::Module& module, const DebugId& id) {
  std::vector<std::string> names;
  if (id.kind != DebugId::Kind::rsds && id.kind != DebugId::Kind::nb10) return names;
  add_name(names, std::string(base_name(id.file)));
  add_name(names, std::string(stem(module.name())) + ".pdb");
  return names;
}

std::vector<std::string> sym_names(const dump::Module& module, const DebugId& id) {
  std::vector<std::string> names;
  if (!id.file.empty()) add_name(names, std::string(stem(id.file)) + ".sym");
  if (!id.file.empty()) add_name(names, std::string(base_name(id.file)) + ".sym");
  add_name(names, std::string(stem(module.name())) + ".sym");
  add_name(names, std::string(module.name()) + ".sym");
  return names;
}

using Opener = Result<std::shared_ptr<SymbolSource>> (*)(const std::string&, const DebugId&);

struct SymbolKind {
  Opener open;
  std::vector<std::string> names;
};

// A near miss outweighs a file that could not be read, and an earlier one a later one.
template <class Find>
void remember(Find& find, SearchResult result, std::string path, std::string why) {
  bool better = find.result == SearchResult::not_found ||
                (find.result == SearchResult::unreadable && result == SearchResult::mismatched);
  if (!better) return;
  find.result = result;
  find.path = std::move(path);
  find.why = std::move(why);
}

} // namespace

struct Store::Index {
  std::vector<FileIndex> roots;

  bool find_symbols_in(FileIndex& root, const SymbolKind& kind, const DebugId& wanted,
                       SymbolFind& find) {
    for (const std::string& name : kind.names) {
      for (const FileIndex::Candidate& candidate : root.find(name, {wanted.key()})) {
        if (!candidate.other_key.empty()) {
          remember(find, SearchResult::mismatched, candidate.path,
                   fmt::format("debug id {}, wanted {}", candidate.other_key, wanted.key()));
          continue;
        }
        auto source = kind.open(candidate.path, wanted);
        if (!source) {
          bool mismatch = source.error().code == Code::mismatch;
          remember(find, mismatch ? SearchResult::mismatched : SearchResult::unreadable,
                   candidate.path, mismatch ? source.error().why : source.error().message());
          continue;
        }
        find.result = SearchResult::found;
        find.source = *source;
        find.origin = std::max(find.origin, root.root().origin);
        find.path = candidate.path;
        find.why.clear();
        return true;
      }
    }
    return false;
  }
};

Store::Store(std::vector<SearchRoot> roots) : index_(std::make_unique<Index>()) {
  for (SearchRoot& root : roots) index_->roots.emplace_back(std::move(root));
}
Store::~Store() = default;

void Store::add_root(SearchRoot root) { index_->roots.emplace_back(std::move(root)); }

ImageFind Store::find_image(const dump::Module& module) {
  ImageFind find;
  std::string name(module.name());
  std::vector<std::string> keys;
  if (module.timestamp != 0 && module.size != 0)
    keys = {fmt::format("{:08X}{:x}", module.timestamp, module.size),
            fmt::format("{:08x}{:x}", module.timestamp, module.size)};
  for (FileIndex& root : index_->roots) {
    for (const FileIndex::Candidate& candidate : root.find(name, keys)) {
      if (!candidate.other_key.empty() && !keys.empty()) {
        remember(find, SearchResult::mismatched, candidate.path,
                 fmt::format("store key {}, wanted {}", candidate.other_key, keys[0]));
        continue;
      }
      auto image = image::open_file(candidate.path, root.root().origin);
      if (!image) {
        remember(find, SearchResult::unreadable, candidate.path, image.error().message());
        continue;
      }
      if (std::string why = why_not(**image, module); !why.empty()) {
        remember(find, SearchResult::mismatched, candidate.path, std::move(why));
        continue;
      }
      return {SearchResult::found, std::move(*image), candidate.path, {}};
    }
  }
  return find;
}

SymbolFind Store::find_symbols(const dump::Module& module, const image::Image* image) {
  SymbolFind find;
  find.exact = !module.debug.key().empty();
  const DebugId& wanted = find.exact || image == nullptr ? module.debug : image->debug_id();
  if (wanted.key().empty()) {
    find.exact = false;
    find.why = "the dump has no debug id for this module, and no exactly matching image gives one";
    return find;
  }
  // The id is only as good as the file it was read from.
  memory::Origin id_origin = find.exact || image == nullptr
                                 ? memory::Origin::image
                                 : std::max(image->origin(), memory::Origin::image);
  const SymbolKind kinds[] = {{open_pdb, pdb_names(module, wanted)},
                              {open_breakpad, sym_names(module, wanted)}};
  for (memory::Origin origin : {memory::Origin::image, memory::Origin::sibling})
    for (const SymbolKind& kind : kinds)
      for (FileIndex& root : index_->roots) {
        if (root.root().origin != origin) continue;
        find.origin = id_origin;
        if (index_->find_symbols_in(root, kind, wanted, find)) return find;
      }
  return find;
}

std::vector<SearchRoot> parse_search_path(const std::vector<std::string>& values,
                                          memory::Origin origin) {
  std::vector<SearchRoot> roots;
  auto add_element = [&](std::string_view element) {
    // "srv*FOLDER*URL" and "cache*FOLDER": the folders count here, addresses are for the fetcher.
    bool store = element.find('*') != std::string_view::npos;
    for (bool first = true; !element.empty(); first = false) {
      auto star = element.find('*');
      std::string_view part = element.substr(0, star);
      element = star == std::string_view::npos ? std::string_view() : element.substr(star + 1);
      if (part.empty() || (store && first) || part.find("://") != std::string_view::npos) continue;
      roots.push_back({std::string(part), origin});
    }
  };
  for (std::string_view value : values) {
    while (!value.empty()) {
      auto end = value.find(';');
      add_element(value.substr(0, end));
      value = end == std::string_view::npos ? std::string_view() : value.substr(end + 1);
    }
  }
  return roots;
}

} // namespace dumptriage::symbols
