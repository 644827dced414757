#include "formats/windows_builds.h"

#include <string_view>

namespace dumptriage::formats {
namespace {

struct Release {
  std::uint32_t first, last;
  std::string_view client, server; // server without "Windows "; empty: the same name
};

constexpr Release kReleases[] = {
    {807, 807, "NT 3.5", ""},
    {1057, 1057, "NT 3.51", ""},
    {1381, 1381, "NT 4.0", ""},
    {2195, 2195, "2000", ""},
    {2600, 2600, "XP", ""},
    {3790, 3790, "XP 64-bit", "Server 2003"},
    {6000, 6000, "Vista", ""},
    {6001, 6003, "Vista", "Server 2008"},
    {7600, 7601, "7", "Server 2008 R2"},
    {9200, 9200, "8", "Server 2012"},
    {9600, 9600, "8.1", "Server 2012 R2"},
    {10240, 10586, "10", ""},
    {14393, 14393, "10", "Server 2016"},
    {15063, 17134, "10", "Server"},
    {17763, 17763, "10", "Server 2019"},
    {18362, 19045, "10", "Server"},
    {20348, 20349, "Server 2022", ""},
    {22000, 22631, "11", ""},
    {25398, 25398, "Server, version 23H2", ""},
    {26100, 26200, "11", "Server 2025"},
};

} // namespace

std::string windows_of_build(std::uint32_t build, std::optional<std::uint32_t> product_type) {
  for (const Release& release : kReleases) {
    if (build < release.first || build > release.last) continue;
    std::string client = "Windows " + std::string(release.client);
    if (release.server.empty() || product_type == 1u) return client;
    if (product_type == 2u || product_type == 3u) return "Windows " + std::string(release.server);
    return client + " or " + std::string(release.server);
  }
  return "";
}

} // namespace dumptriage::formats
