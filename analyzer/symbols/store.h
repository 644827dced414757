// The store: folders people name (--symbols, --images) and, for a single analyze, the dump's own
// folder; finds images by name + time stamp + size and PDB / .sym files by debug id.  Exact match
// or nothing; a near miss is remembered with both ids so that the report can say why. Folders are
// indexed once, on first use, by file name only; a file is opened when its name is asked for.
// Layouts met: plain folder, recursive folder, symstore (name/key/name), one or two tiers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dump/records.h"
#include "image/image.h"
#include "memory/address_space.h"
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
  memory::Origin origin = memory::Origin::image;
  bool exact = false; // matched by debug id; false: by time stamp + size of the image's own record
  std::string path, why;
};

struct SearchRoot {
  std::string path;
  memory::Origin origin = memory::Origin::image;
};

class Store {
public:
  explicit Store(std::vector<SearchRoot> roots);
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

// Splits a list of folders at ';' (and takes each option value as a list of its own).
std::vector<SearchRoot> parse_search_path(const std::vector<std::string>& values,
                                          memory::Origin origin);

} // namespace dumptriage::symbols
