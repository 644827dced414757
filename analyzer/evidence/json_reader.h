// JSON (RFC 8259) of a stranger, read value by value where it stands, with the place of every
// error: no tree, no recursion, nothing sized from what the text says.  Only for thaw.cpp.
//
//   if (reader.open_object()) while (reader.next_key(key)) ... read or skip its value ...
//
// After an error every call says no, so that loops end by themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dumptriage::evidence {

class JsonReader {
public:
  explicit JsonReader(std::string_view text, std::size_t start = 0) : text_(text), at_(start) {}

  // The first character of the value that comes next; 0: none does.
  char peek();
  bool open_object();
  bool next_key(std::string& key); // false: the object has ended
  bool open_array();
  bool next_item(); // false: the array has ended
  bool read_text(std::string& text);
  bool read_number(std::uint64_t& number); // whole, not negative
  bool read_flag(bool& flag);
  bool skip();       // any value
  bool expect_end(); // nothing but blanks follows

  std::size_t at() const { return at_; }
  bool fail(std::string why) { return fail_at(at_, std::move(why)); }
  bool fail_at(std::size_t at, std::string why);
  bool failed() const { return failed_; }
  const std::string& why() const { return why_; }
  std::size_t failed_at() const { return failed_at_; }

private:
  static constexpr std::size_t kMostDepth = 32, kMostText = 256 * 1024;

  bool open(char bracket, const char* what);
  bool next(char bracket); // behind the comma of the next member; false: the bracket closes
  bool string(std::string& text);
  bool escape(std::string& text);
  std::optional<std::uint32_t> four_digits();
  bool word(std::string_view word);
  bool skip_number();

  std::string_view text_;
  std::size_t at_ = 0, failed_at_ = 0;
  // One for each open object or array.
  std::vector<bool> first_;   // nothing of it was read yet
  std::vector<bool> objects_; // it is an object
  std::string why_;
  bool failed_ = false;
};

} // namespace dumptriage::evidence
