// The symbol-path grammar that Windows' debuggers read from _NT_SYMBOL_PATH:
//   element;element;...      spaces around and empty elements do not count; "..." keeps a ';'
//   FOLDER                   searched with all folders in it (dbghelp looks only into it and its
//                            symbols\ and dll\, exe\, sys\ folders; here finding more costs
//                            nothing, because only an exact match counts), also when it is a symbol
//                            store
//   FILE                     one image or symbol file
//   srv*STORE*...*URL        symbol stores, the nearest first; what the URL gives is kept in all of
//                            them.  Without a URL just the stores.  No STORE, or an empty one: the
//                            default cache.  symsrv*symsrv.dll*... is the same
//   cache*FOLDER             keeps what URLs further right give; without FOLDER the default cache
//   URL                      srv**URL
// Words are read without case, "~/" at the start of a folder is the home folder.  Nothing here
// opens a file or a socket.  https://learn.microsoft.com/windows/win32/debug/using-symsrv and
// https://learn.microsoft.com/windows-hardware/drivers/debugger/advanced-symsrv-use
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "memory/address_space.h"

namespace dumptriage::symbols {

struct SearchRoot {
  std::string path;
  memory::Origin origin = memory::Origin::image;
  bool store = false; // only NAME/KEY/NAME is looked for
  bool cache = false; // filled from a URL: need not be there yet
};

struct SymbolServer {
  std::string url;                 // without '/' at its end
  std::vector<std::string> caches; // all keep what it gives, nearest first; never empty
};

struct SearchPath {
  std::vector<SearchRoot> roots; // in order, each once
  std::vector<SymbolServer> servers;
  std::vector<Error> refused; // elements that say nothing: what = element

  void append(SearchPath other);
};

// `defaults` is what "cache*" and "srv**" mean; `home` stands for "~"; both may be empty.
SearchPath parse_search_path(std::string_view text, memory::Origin origin,
                             const std::string& defaults = {}, const std::string& home = {});

// "http://..." and "https://...", without case.
bool is_url(std::string_view text);
// The URL without a name and password in it.
std::string url_for_people(std::string_view url);
// "C:\Symbols", "\\server\share".
bool is_windows_path(std::string_view path);

} // namespace dumptriage::symbols
