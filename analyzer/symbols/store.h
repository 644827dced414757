// The store: the folders of a search path and, for a single analyze, the dump's own folder; finds
// images by name + time stamp + size and symbols by debug id.  Exact match or nothing; a near miss
// is remembered with both ids so that the report can say why.  Files may be packed (NAME.pd_, any
// archive of one file); they are unpacked into files without a name.  A file is opened when its
// name is asked for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "dump/records.h"
#include "image/image.h"
#include "memory/address_space.h"
#include "symbols/open_files.h"
#include "symbols/search_path.h"
#include "symbols/symbol_source.h"

namespace dumptriage::symbols {

enum class SearchResult { found, mismatched, not_found, unreadable };

struct ImageFind {
  SearchResult result = SearchResult::not_found;
  std::shared_ptr<const image::Image> image;
  std::string path; // of the file found or of the last near miss
  std::string why;  // "time stamp 45D69710, wanted 45D6970F"; empty when found
};
struct SymbolFind {
  SearchResult result = SearchResult::not_found;
  std::shared_ptr<SymbolSource> source;
  std::string_view kind;                  // of the file found: "pdb", "dbg", "breakpad"
  std::shared_ptr<const MappedFile> file; // what `source` reads, unpacked
  memory::Origin origin = memory::Origin::image;
  bool exact = false; // matched by debug id; false: by time stamp + size of the image's own record
  std::string path, why;
};

class Store {
public:
  // Stores that share `open` read a symbol file once.
  explicit Store(std::vector<SearchRoot> roots,
                 std::shared_ptr<OpenFiles> open = std::make_shared<OpenFiles>());
  ~Store();
  // Adds a root for one dump (its own folder); later calls see it, earlier finds stay.
  void add_root(SearchRoot root);

  ImageFind find_image(const dump::Module& module);
  // By the module's debug id; when the dump carries none, by that of the exactly matched `image`.
  SymbolFind find_symbols(const dump::Module& module, const image::Image* image);

private:
  struct Index;
  std::unique_ptr<Index> index_;
};

// A file of a store, unpacked when it is packed.
Result<std::shared_ptr<const MappedFile>> open_stored(const std::string& path);
Result<std::shared_ptr<const MappedFile>> unpack_stored(std::shared_ptr<const MappedFile> file);
// Whether a file is what a store's slot promises; Code::mismatch says both ids.
Result<void> check_image(std::shared_ptr<const MappedFile> file, const std::string& key);
Result<void> check_symbols(std::shared_ptr<const MappedFile> file, const std::string& key);

} // namespace dumptriage::symbols
