#include "symbols/search_path.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/text.h"
#include "symbols/store_key.h"

namespace dumptriage::symbols {
namespace {

std::vector<std::string_view> split(std::string_view text, char at, bool quotes) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (quotes && i < text.size() && text[i] == '"') quoted = !quoted;
    if (i != text.size() && (text[i] != at || quoted)) continue;
    parts.push_back(trimmed(text.substr(start, i - start)));
    start = i + 1;
  }
  return parts;
}

// Each folder once, at its first place, with all that any element wants of it.
void add_root(std::vector<SearchRoot>& roots, SearchRoot root) {
  auto known = std::find_if(roots.begin(), roots.end(),
                            [&](const SearchRoot& r) { return r.path == root.path; });
  if (known == roots.end()) return roots.push_back(std::move(root));
  known->store = known->store && root.store;
  known->cache = known->cache && root.cache;
}

// A URL once, with all that any element wants to keep of it.
void add_server(std::vector<SymbolServer>& servers, SymbolServer server) {
  auto known = std::find_if(servers.begin(), servers.end(),
                            [&](const SymbolServer& s) { return s.url == server.url; });
  if (known == servers.end()) return servers.push_back(std::move(server));
  for (std::string& cache : server.caches)
    if (std::find(known->caches.begin(), known->caches.end(), cache) == known->caches.end())
      known->caches.push_back(std::move(cache));
}

class Parser {
public:
  Parser(SearchPath& path, memory::Origin origin, const std::string& defaults,
         const std::string& home)
      : path_(path), origin_(origin), defaults_(defaults), home_(home) {}

  void element(std::string_view text) {
    std::string whole(text);
    std::erase(whole, '"');
    whole = std::string(trimmed(whole));
    if (whole.empty()) return;
    auto parts = split(whole, '*', false);
    auto why = parts.size() == 1 ? plain(parts[0]) : kind(parts);
    if (why.empty()) return;
    path_.refused.push_back({Code::bad_value,
                             "symbol path element " + url_for_people(utf8_from_ansi(whole, 512)),
                             std::move(why),
                             {}});
  }

private:
  using Parts = std::vector<std::string_view>;

  std::string plain(std::string_view part) {
    if (is_url(part)) return servers({part});
    return root(part, /*store=*/false, /*cache=*/false);
  }

  std::string kind(Parts parts) {
    std::string word = lower(parts[0]);
    parts.erase(parts.begin());
    if (word == "srv") return servers(parts);
    if (word == "cache") {
      if (parts.size() > 1) return "cache* takes one folder";
      if (is_url(parts[0])) return "a cache is a folder, not a URL";
      std::string folder = folder_of(parts[0]);
      std::string why = root(folder, /*store=*/true, /*cache=*/true);
      if (why.empty()) caches_.push_back(std::move(folder));
      return why;
    }
    if (word != "symsrv") return "elements with '*' begin with srv*, symsrv* or cache*";
    if (!equals_no_case(parts[0], "symsrv.dll"))
      return "only what symsrv.dll does can be done here, not what another DLL does";
    parts.erase(parts.begin());
    return servers(parts);
  }

  std::string servers(const Parts& parts) {
    bool url = !parts.empty() && is_url(parts.back());
    std::vector<std::string> folders;
    for (std::size_t i = 0; i + (url ? 1 : 0) < parts.size(); ++i) {
      if (parts[i].find("://") != std::string_view::npos)
        return is_url(parts[i]) ? "a URL can only be the last in it"
                                : "only http:// and https:// can be fetched from";
      folders.push_back(folder_of(parts[i]));
    }
    if (folders.empty() && !(url && !caches_.empty())) folders.push_back(folder_of({}));
    for (const std::string& folder : folders)
      if (auto why = refusal(folder); !why.empty()) return why;
    for (const std::string& folder : folders)
      add_root(path_.roots, {folder, origin_, /*store=*/true, url || folder == defaults_});
    if (!url) return {};
    std::string address(parts.back());
    while (address.ends_with('/')) address.pop_back();
    SymbolServer server{std::move(address), caches_};
    for (std::string& folder : folders)
      if (std::find(server.caches.begin(), server.caches.end(), folder) == server.caches.end())
        server.caches.push_back(std::move(folder));
    add_server(path_.servers, std::move(server));
    return {};
  }

  std::string folder_of(std::string_view part) const {
    if (part.empty()) return defaults_;
    if (part.starts_with("~/") && !home_.empty()) return home_ + std::string(part.substr(1));
    return std::string(part);
  }

  static std::string refusal(std::string_view folder) {
    if (folder.empty()) return "there is no home folder for a default cache: name one";
    if (is_windows_path(folder))
      return "a path of Windows cannot be opened here; name the folder where it is mounted";
    if (folder.find("://") != std::string_view::npos)
      return "only http:// and https:// can be fetched from";
    return {};
  }

  std::string root(std::string_view part, bool store, bool cache) {
    std::string folder = folder_of(part);
    std::string why = refusal(folder);
    if (why.empty()) add_root(path_.roots, {std::move(folder), origin_, store, cache});
    return why;
  }

  SearchPath& path_;
  memory::Origin origin_;
  const std::string& defaults_;
  const std::string& home_;
  std::vector<std::string> caches_; // of cache* elements so far
};

} // namespace

SearchPath parse_search_path(std::string_view text, memory::Origin origin,
                             const std::string& defaults, const std::string& home) {
  SearchPath path;
  Parser parser(path, origin, defaults, home);
  for (std::string_view element : split(text, ';', true)) parser.element(element);
  return path;
}

void SearchPath::append(SearchPath other) {
  for (SearchRoot& root : other.roots) add_root(roots, std::move(root));
  for (SymbolServer& server : other.servers) add_server(servers, std::move(server));
  refused.insert(refused.end(), std::make_move_iterator(other.refused.begin()),
                 std::make_move_iterator(other.refused.end()));
}

bool is_url(std::string_view text) {
  std::string start = lower(text.substr(0, 8));
  return start.starts_with("http://") || start.starts_with("https://");
}

std::string url_for_people(std::string_view url) {
  std::size_t host = url.find("://");
  if (host == std::string_view::npos) return std::string(url);
  host += 3;
  std::size_t end = std::min(url.find('/', host), url.size());
  std::size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return std::string(url.substr(0, host)) + std::string(url.substr(at + 1));
}

bool is_windows_path(std::string_view path) {
  if (path.starts_with("\\\\")) return true;
  return path.size() >= 3 && std::isalpha(static_cast<unsigned char>(path[0])) && path[1] == ':' &&
         (path[2] == '\\' || path[2] == '/');
}

} // namespace dumptriage::symbols
