#include "symbols/store.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/unpack.h"
#include "symbols/file_index.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

using dump::DebugId;

constexpr std::uint64_t kMostUnpacked = 8ull << 30;

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

// What symbols are looked for.
struct Sought {
  const dump::Module& module;
  const DebugId& id; // of the dump, else of the exactly matching image; may be of no kind
  const image::Image* image = nullptr;
  DebugId pdb_of_dbg{}; // that a matching .DBG file points on to, and where that file was
  memory::Origin dbg_origin = memory::Origin::image;
};

void add_slot(std::vector<Slot>& slots, std::string folder, std::string file) {
  Slot slot{std::move(folder), std::move(file)};
  if (slot.folder.empty() || slot.file.empty()) return;
  if (std::find(slots.begin(), slots.end(), slot) == slots.end()) slots.push_back(std::move(slot));
}

bool has_pdb(const DebugId& id) {
  return id.kind == DebugId::Kind::rsds || id.kind == DebugId::Kind::nb10;
}

std::vector<Slot> pdb_slots(const Sought& sought) {
  std::vector<Slot> slots;
  if (!has_pdb(sought.id)) return slots;
  std::string recorded(base_name(sought.id.file));
  std::string usual = std::string(stem(sought.module.name())) + ".pdb";
  add_slot(slots, recorded, recorded);
  add_slot(slots, usual, usual);
  return slots;
}

// Breakpad puts NAME.sym into the slot of the PDB, or of the image where there is none.
std::vector<Slot> sym_slots(const Sought& sought) {
  std::vector<Slot> slots;
  std::string recorded(base_name(sought.id.file)), image(sought.module.name());
  for (const std::string& folder : {recorded, image}) {
    if (folder.empty()) continue;
    add_slot(slots, folder, std::string(stem(folder)) + ".sym");
    add_slot(slots, folder, folder + ".sym");
  }
  return slots;
}

std::vector<std::string> id_keys(const Sought& sought) {
  std::string key = sought.id.key();
  if (key.empty()) return {};
  return {key, lower(key)};
}

std::vector<Slot> dbg_slots(const Sought& sought) {
  std::vector<Slot> slots;
  std::string recorded(base_name(sought.module.dbg_file));
  if (lower(recorded).ends_with(".dbg")) add_slot(slots, recorded, recorded);
  std::string usual = std::string(stem(sought.module.name())) + ".dbg";
  add_slot(slots, usual, usual);
  return slots;
}

std::vector<std::string> image_keys(const dump::Module& module) {
  if (module.timestamp == 0 || module.size == 0) return {};
  std::string key = image_key(module.timestamp, module.size);
  return {key, lower(key)};
}

Result<std::shared_ptr<SymbolSource>> read_dbg_symbols(ByteView file, Sought& sought) {
  auto dbg = read_dbg(file, sought.module.timestamp, sought.module.size);
  if (!dbg) return std::unexpected(std::move(dbg.error()));
  sought.pdb_of_dbg = dbg->pdb;
  if (dbg->source != nullptr) return std::move(dbg->source);
  std::string key = dbg->pdb.key();
  return fail(Code::absent, "DBG file",
              key.empty() ? "there are no names in it" : "its names are in the PDB " + key);
}

// A symbol format: where its files lie, and who reads one.  No keys: the format cannot tell whether
// a file belongs to the module, and is not asked.
struct SymbolKind {
  std::string_view name;
  std::vector<Slot> (*slots)(const Sought&);
  std::vector<std::string> (*keys)(const Sought&);
  Result<std::shared_ptr<SymbolSource>> (*read)(ByteView, Sought&);
};

// Best first.  A new format is one line.
constexpr SymbolKind kSymbolKinds[] = {
    {"pdb", pdb_slots, id_keys,
     [](ByteView file, Sought& s) { return read_pdb(file, s.id, s.image); }},
    {"dbg", dbg_slots, [](const Sought& s) { return image_keys(s.module); }, read_dbg_symbols},
    {"breakpad", sym_slots, id_keys,
     [](ByteView file, Sought& s) { return read_breakpad(file, s.id); }},
    // Some stores of crash reporters keep the text under the PDB's own name.
    {"breakpad", pdb_slots, id_keys,
     [](ByteView file, Sought& s) { return read_breakpad(file, s.id); }},
};

// A source that keeps the file that it reads.
std::shared_ptr<SymbolSource> kept(std::shared_ptr<SymbolSource> source,
                                   std::shared_ptr<const MappedFile> file) {
  struct Both {
    std::shared_ptr<const MappedFile> file;
    std::shared_ptr<SymbolSource> source;
  };
  auto both = std::make_shared<Both>(Both{std::move(file), std::move(source)});
  return {both, both->source.get()};
}

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

Result<std::shared_ptr<const MappedFile>> open_candidate(const FileIndex::Candidate& candidate) {
  if (!candidate.why.empty()) return fail(Code::io, candidate.path, candidate.why);
  return open_stored(candidate.path);
}

// A file that belongs to the module, from `open` when it was read before.
Result<OpenFiles::Opened> open_symbols(const FileIndex::Candidate& candidate,
                                       const SymbolKind& kind, Sought& sought,
                                       const std::string& key, OpenFiles& open) {
  auto read = [&]() -> Result<OpenFiles::Opened> {
    auto file = open_candidate(candidate);
    if (!file) return std::unexpected(std::move(file.error()));
    auto source = kind.read((*file)->bytes(), sought);
    if (!source) return std::unexpected(std::move(source.error()));
    return OpenFiles::Opened{*file, kept(std::move(*source), *file)};
  };
  // A .DBG file also says which PDB goes with it.
  if (kind.read == read_dbg_symbols) return read();
  return open.get(candidate.path, fmt::format("{} {}", kind.name, key), read);
}

Result<std::unique_ptr<image::Image>> open_image(const FileIndex::Candidate& candidate,
                                                 memory::Origin origin) {
  auto file = open_candidate(candidate);
  if (!file) return std::unexpected(std::move(file.error()));
  return image::open_file(std::move(*file), origin);
}

} // namespace

struct Store::Index {
  std::vector<FileIndex> roots;
  std::shared_ptr<OpenFiles> open;

  bool find_symbols_in(FileIndex& root, const SymbolKind& kind, Sought& sought, SymbolFind& find);
  bool find_image_in(FileIndex& root, const std::string& name, const dump::Module& module,
                     ImageFind& find);
  // In all roots, those that were named first.
  bool search(Sought& sought, memory::Origin id_origin, SymbolFind& find);
};

bool Store::Index::find_symbols_in(FileIndex& root, const SymbolKind& kind, Sought& sought,
                                   SymbolFind& find) {
  const std::vector<std::string> keys = kind.keys(sought);
  if (keys.empty()) return false;
  for (const Slot& slot : kind.slots(sought)) {
    for (const FileIndex::Candidate& candidate : root.find(slot, keys)) {
      if (!candidate.other_key.empty()) {
        remember(find, SearchResult::mismatched, candidate.path,
                 fmt::format("debug id {}, wanted {}", candidate.other_key, keys[0]));
        continue;
      }
      auto opened = open_symbols(candidate, kind, sought, keys[0], *open);
      if (kind.read == read_dbg_symbols)
        sought.dbg_origin = std::max(find.origin, root.root().origin);
      if (!opened) {
        const Error& error = opened.error();
        bool mismatch = error.code == Code::mismatch;
        remember(find, mismatch ? SearchResult::mismatched : SearchResult::unreadable,
                 candidate.path, mismatch ? error.why : error.message());
        continue;
      }
      find.result = SearchResult::found;
      find.source = std::move(opened->source);
      find.file = std::move(opened->file);
      find.kind = kind.name;
      find.origin = std::max(find.origin, root.root().origin);
      find.path = candidate.path;
      find.why.clear();
      return true;
    }
  }
  return false;
}

Store::Store(std::vector<SearchRoot> roots, std::shared_ptr<OpenFiles> open)
    : index_(std::make_unique<Index>()) {
  index_->open = std::move(open);
  for (SearchRoot& root : roots) index_->roots.emplace_back(std::move(root));
}
Store::~Store() = default;

void Store::add_root(SearchRoot root) { index_->roots.emplace_back(std::move(root)); }

bool Store::Index::find_image_in(FileIndex& root, const std::string& name,
                                 const dump::Module& module, ImageFind& find) {
  const std::vector<std::string> keys = image_keys(module);
  for (const FileIndex::Candidate& candidate : root.find({name, name}, keys)) {
    if (!candidate.other_key.empty() && !keys.empty()) {
      remember(find, SearchResult::mismatched, candidate.path,
               fmt::format("store key {}, wanted {}", candidate.other_key, keys[0]));
      continue;
    }
    auto image = open_image(candidate, root.root().origin);
    if (!image) {
      remember(find, SearchResult::unreadable, candidate.path, image.error().message());
      continue;
    }
    if (std::string why = why_not(**image, module); !why.empty()) {
      remember(find, SearchResult::mismatched, candidate.path, std::move(why));
      continue;
    }
    find = {SearchResult::found, std::move(*image), candidate.path, {}};
    return true;
  }
  return false;
}

ImageFind Store::find_image(const dump::Module& module) {
  ImageFind find;
  for (const std::string& name : image_names(module.name()))
    for (FileIndex& root : index_->roots)
      if (index_->find_image_in(root, name, module, find)) return find;
  return find;
}

bool Store::Index::search(Sought& sought, memory::Origin id_origin, SymbolFind& find) {
  for (memory::Origin origin : {memory::Origin::image, memory::Origin::sibling})
    for (const SymbolKind& kind : kSymbolKinds)
      for (FileIndex& root : roots) {
        if (root.root().origin != origin) continue;
        find.origin = id_origin;
        if (find_symbols_in(root, kind, sought, find)) return true;
      }
  return false;
}

SymbolFind Store::find_symbols(const dump::Module& module, const image::Image* image) {
  SymbolFind find;
  find.exact = !module.debug.key().empty();
  const DebugId& wanted = find.exact || image == nullptr ? module.debug : image->debug_id();
  if (wanted.key().empty()) find.exact = false;
  // The id is only as good as the file it was read from.
  memory::Origin id_origin = find.exact || image == nullptr
                                 ? memory::Origin::image
                                 : std::max(image->origin(), memory::Origin::image);
  Sought sought{module, wanted, image};
  const bool found = index_->search(sought, id_origin, find);
  if (wanted.key().empty() && !sought.pdb_of_dbg.key().empty()) {
    SymbolFind better;
    Sought pdb{module, sought.pdb_of_dbg, image};
    if (index_->search(pdb, sought.dbg_origin, better)) return better;
  }
  if (!found && wanted.key().empty() && find.result == SearchResult::not_found)
    find.why = "the dump has no debug id for this module, and no exactly matching image gives one";
  return find;
}

Result<std::shared_ptr<const MappedFile>> open_stored(const std::string& path) {
  auto file = MappedFile::open(path);
  if (!file) return file;
  return unpack_stored(std::move(*file));
}

Result<std::shared_ptr<const MappedFile>> unpack_stored(std::shared_ptr<const MappedFile> file) {
  if (!dump::is_archive(file->bytes())) return file;
  dump::UnpackOptions options;
  options.most_bytes = kMostUnpacked;
  return dump::unpack_first(*file, options);
}

Result<void> check_image(std::shared_ptr<const MappedFile> file, const std::string& key) {
  dump::Module module;
  const std::string path = file->path();
  if (!read_image_key(key, module.timestamp, module.size))
    return fail(Code::bad_value, path, "no key of an image: " + key);
  const std::uint64_t bytes = file->bytes().size();
  auto image = image::open_file(std::move(file), memory::Origin::image);
  if (!image) return std::unexpected(std::move(image.error()));
  if (std::string why = why_not(**image, module); !why.empty())
    return fail(Code::mismatch, path, why);
  if (bytes < (*image)->raw_size)
    return fail(Code::truncated, path,
                fmt::format("{} of its {} bytes are there", bytes, (*image)->raw_size));
  return {};
}

Result<void> check_symbols(std::shared_ptr<const MappedFile> file, const std::string& key) {
  const dump::DebugId id = id_of_key(key);
  if (id.key().empty()) return fail(Code::bad_value, file->path(), "no key of symbols: " + key);
  const dump::Module module;
  Sought sought{module, id};
  std::optional<Error> error;
  for (const SymbolKind& kind : kSymbolKinds) {
    if (kind.keys(sought).empty()) continue;
    auto source = kind.read(file->bytes(), sought);
    if (source) return {};
    if (!error || source.error().code == Code::mismatch) error = std::move(source.error());
  }
  error->what = file->path();
  return std::unexpected(std::move(*error));
}

} // namespace dumptriage::symbols
