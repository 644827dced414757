// A cursor over one YAML file, on top of the Input class of LLVM's YAMLTraits.  It is strict
// (unknown keys, doubled keys and aliases are errors), it goes on after an error so that one
// reading finds them all, and every error carries file, line, column and what was expected.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dumptriage::rules {

class YamlReader {
public:
  struct Field {
    std::string key;
    bool required = false;
    std::function<void()> read; // called with the cursor on the value
  };
  enum class Kind { nothing, scalar, list, map };

  YamlReader(std::string file, std::string_view text);
  ~YamlReader();
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  // Calls `read` with the cursor on the one document of the file.
  void document(const std::function<void()>& read);

  Kind kind() const;
  // An error at the cursor: `expected` reads "expected a bugcheck code such as 0xD1".
  void error(std::string why);
  const std::vector<Error>& errors() const { return errors_; }

  // Each of these makes an error and returns nothing when the value is of another kind.
  // Text is safe UTF-8 on one line: runs of white space become one space.
  std::optional<std::string> text(std::string_view expected);
  std::optional<std::uint64_t> number(std::string_view expected); // decimal or 0x hexadecimal
  std::optional<bool> boolean(std::string_view expected);         // true or false
  // A list, or a single value taken as a list of one.  An empty list is an error.
  void each(std::string_view expected, const std::function<void()>& item);
  // A map with these keys.
  void fields(std::string_view expected, const std::vector<Field>& fields);
  // A map with exactly one key out of `known`; returns it and reads its value.
  std::optional<std::string> one_of(std::string_view expected,
                                    const std::vector<std::string_view>& known,
                                    const std::function<void(std::string_view)>& read);

  // Shorthands for members.
  void text_into(std::string& to, std::string_view expected);
  void texts_into(std::vector<std::string>& to, std::string_view expected);

private:
  struct State; // the only holder of LLVM types
  std::string file_;
  std::string text_; // a copy that ends in NUL: the parser may look one character too far
  std::vector<Error> errors_;
  std::string expected_keys_; // of the map being closed, for "unknown key"
  std::unique_ptr<State> state_;

  void add_error(std::uint32_t line, std::uint32_t column, std::string why);
  void error_at(const char* at, Kind kind, std::string why);
  bool acceptable();
};

} // namespace dumptriage::rules
