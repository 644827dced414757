// Text of strangers becomes safe UTF-8.
#include <gtest/gtest.h>

#include "base/text.h"

namespace dumptriage {
namespace {

std::string from16(std::initializer_list<std::uint16_t> units, std::uint64_t most = 32768) {
  std::vector<std::uint8_t> bytes;
  for (std::uint16_t unit : units) {
    bytes.push_back(static_cast<std::uint8_t>(unit));
    bytes.push_back(static_cast<std::uint8_t>(unit >> 8));
  }
  return utf8_from_utf16(ByteView(bytes.data(), bytes.size()), most);
}

TEST(Utf16, CharactersOfEveryLength) {
  EXPECT_EQ(from16({'a', 0xE9, 0x20AC, 0xD83D, 0xDE00}), "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(from16({}), "");
  EXPECT_EQ(from16({'a', 'b', 'c'}, 2), "ab");
}

TEST(Utf16, BrokenSurrogatesBecomeTheReplacement) {
  EXPECT_EQ(from16({0xD83D}), "\xEF\xBF\xBD");
  EXPECT_EQ(from16({0xDE00, 'a'}), "\xEF\xBF\xBD"
                                   "a");
  EXPECT_EQ(from16({0xD83D, 'a'}), "\xEF\xBF\xBD"
                                   "a");
  EXPECT_EQ(from16({0xD83D, 0xDE00}, 1), "\xEF\xBF\xBD");
  const std::uint8_t odd[] = {'a', 0, 'b'};
  EXPECT_EQ(utf8_from_utf16(ByteView(odd, 3)), "a");
}

TEST(Utf16, ControlAndDirectionCharactersAreReplaced) {
  EXPECT_EQ(from16({0x1B, '['}), "\xEF\xBF\xBD[");
  EXPECT_EQ(from16({0x202E}), "\xEF\xBF\xBD");
  EXPECT_EQ(from16({0x85}), "\xEF\xBF\xBD");
}

TEST(Ansi, ValidUtf8StaysAndTheRestIsWindows1252) {
  EXPECT_EQ(utf8_from_ansi("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(utf8_from_ansi("caf\xE9"), "caf\xC3\xA9");
  EXPECT_EQ(utf8_from_ansi("\x80"), "\xE2\x82\xAC");
  EXPECT_EQ(utf8_from_ansi("abc", 2), "ab");
  // overlong, surrogate, beyond Unicode, cut short: none of them is UTF-8
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    const std::string text = utf8_from_ansi(bad);
    EXPECT_EQ(text, utf8_from_ansi(text)) << "not valid UTF-8";
    EXPECT_NE(text, bad);
  }
}

TEST(Paths, NamesAndStems) {
  EXPECT_EQ(base_name("\\SystemRoot\\system32\\DRIVERS\\netbt.sys"), "netbt.sys");
  EXPECT_EQ(base_name("/usr/lib/a.so"), "a.so");
  EXPECT_EQ(base_name("C:/mixed\\way.dll"), "way.dll");
  EXPECT_EQ(base_name("plain"), "plain");
  EXPECT_EQ(base_name("folder\\"), "");
  EXPECT_EQ(stem("C:\\a.b.dll"), "a.b");
  EXPECT_EQ(stem("noext"), "noext");
  EXPECT_EQ(stem(".hidden"), ".hidden");
}

TEST(Case, AsciiOnly) {
  EXPECT_EQ(lower("NetBT.SYS\xC3\x89"), "netbt.sys\xC3\x89");
  EXPECT_TRUE(equals_no_case("HAL.DLL", "hal.dll"));
  EXPECT_FALSE(equals_no_case("hal.dll", "hal.dl"));
}

TEST(Numbers, HexIsUpperCaseAndPadded) {
  EXPECT_EQ(hex(0x1a), "0x1A");
  EXPECT_EQ(hex(0x1a, 4), "0x001A");
  EXPECT_EQ(hex_address(0x401000, 4), "0x00401000");
  EXPECT_EQ(hex_address(0xFFFFF80000000000, 8), "0xFFFFF80000000000");
  EXPECT_EQ(hex_address(0, 8), "0x0000000000000000");
}

TEST(Times, KnownInstants) {
  EXPECT_EQ(iso_time_from_unix(1235908800), "2009-03-01T12:00:00Z");
  EXPECT_EQ(iso_time_from_unix(951782400), "2000-02-29T00:00:00Z");
  EXPECT_EQ(iso_time_from_unix(4107542399), "2100-02-28T23:59:59Z");
  EXPECT_EQ(iso_time_from_unix(0), "");
  EXPECT_EQ(iso_time_from_unix(UINT64_MAX), "");
  EXPECT_EQ(iso_time_from_filetime(128803824000000000), "2009-03-01T12:00:00Z");
  EXPECT_EQ(iso_time_from_filetime(0), "");
  EXPECT_EQ(iso_time_from_filetime(UINT64_MAX), "");
}

TEST(Glob, Stars) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("Nt*Indicate", "NtCopyToIndicate"));
  EXPECT_TRUE(glob_match("*a*b*", "xxaxxbxx"));
  EXPECT_FALSE(glob_match("a*b", "ab_"));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_TRUE(glob_match("ntkrnl*.exe", "ntkrnlpa.exe"));
  EXPECT_FALSE(glob_match("hal.dll", "hal.dll2"));
  // Bad cases of backtracking matchers: must end at once.
  EXPECT_FALSE(glob_match(std::string(200, '*') + "b", std::string(5000, 'a')));
  EXPECT_FALSE(glob_match("*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

} // namespace
} // namespace dumptriage
