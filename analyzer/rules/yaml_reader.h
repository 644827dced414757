// A cursor over one YAML document.  It is strict (unknown keys, doubled keys and aliases are
// errors), it goes on after an error so that one reading finds them all, and every error carries
// file, line, column and what was expected.
#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "rules/yaml_tree.h"

namespace dumptriage::rules {

class YamlReader {
public:
  // A function that is called while the call it is handed to lasts: it owns nothing, so write the
  // lambda where the call is.
  template <class... Args> class Callback {
  public:
    template <class F>
      requires(!std::same_as<std::remove_cvref_t<F>, Callback> && std::invocable<F&, Args...>)
    Callback(F&& f)
        : object_(const_cast<void*>(static_cast<const void*>(&f))),
          call_([](void* o, Args... args) {
            (*static_cast<std::remove_reference_t<F>*>(o))(args...);
          }) {}
    // Not trivial: GCC 12 else tries to make constants of lists of these, and fails.
    ~Callback() {} // NOLINT(modernize-use-equals-default)
    Callback(const Callback&) = default;
    void operator()(Args... args) const { call_(object_, args...); }

  private:
    void* object_;
    void (*call_)(void*, Args...);
  };

  struct Field {
    std::string_view key;
    bool required = false;
    Callback<> read; // called with the cursor on the value
  };
  using Kind = YamlKind;

  YamlReader(std::string file, std::string_view text);
  // A tree that is known to be good; `view` outlives the reader.
  YamlReader(std::string file, const YamlView& view);
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  // Calls `read` with the cursor on the one document of the file.
  void document(Callback<> read);

  Kind kind() const { return view_.nodes[at_].kind; }
  // An error at the cursor: `expected` reads "expected a bugcheck code such as 0xD1".
  void error(std::string why) { error_at(at_, std::move(why)); }
  const std::vector<Error>& errors() const { return errors_; }

  // Each of these makes an error and returns nothing when the value is of another kind.
  // Text is safe UTF-8 on one line: runs of white space become one space.
  std::optional<std::string> text(std::string_view expected);
  std::optional<std::uint64_t> number(std::string_view expected); // decimal or 0x hexadecimal
  std::optional<bool> boolean(std::string_view expected);         // true or false
  // A list, or a single value taken as a list of one.  An empty list is an error.
  void each(std::string_view expected, Callback<> item);
  // A map with these keys, read in this order.
  void fields(std::string_view expected, std::initializer_list<Field> fields) {
    this->fields(expected, std::span<const Field>(fields.begin(), fields.size()));
  }
  void fields(std::string_view expected, std::span<const Field> fields);
  // A map with exactly one key out of `known`; returns it and reads its value.
  std::optional<std::string> one_of(std::string_view expected,
                                    std::span<const std::string_view> known,
                                    Callback<std::string_view> read);

  // Shorthands for members.
  void text_into(std::string& to, std::string_view expected);
  void texts_into(std::vector<std::string>& to, std::string_view expected);

private:
  std::string file_;
  std::string text_; // a copy that ends in NUL: the parser may look one character too far
  YamlTree tree_;
  YamlView view_;
  std::uint32_t at_ = 0; // the cursor
  std::vector<Error> errors_;

  void error_at(std::uint32_t node, std::string why);
  void unknown_key(std::uint32_t key, std::string_view known);
  std::string_view text_at_cursor() const { return view_.text(at_); }
};

} // namespace dumptriage::rules
