#include "rules/yaml_reader.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/yaml_limits.h"

namespace dumptriage::rules {

YamlReader::YamlReader(std::string file, std::string_view text)
    : file_(std::move(file)), text_(text) {}

YamlReader::YamlReader(std::string file, const YamlView& view)
    : file_(std::move(file)), view_(view) {}

std::optional<YamlTree> read_yaml(const std::string& file, std::string_view text,
                                  std::vector<Error>& errors) {
  auto refused = refuse_text(file, text);
  if (!refused) {
    if (auto tree = read_plain_yaml(text)) return tree;
    refused = refuse_nesting(file, text);
  }
  if (!refused) return read_llvm_yaml(file, text, errors);
  errors.push_back(std::move(*refused));
  return std::nullopt;
}

void YamlReader::document(Callback<> read) {
  // What the parser could not take apart is not judged any further.
  if (view_.nodes.empty()) {
    auto tree = read_yaml(file_, text_, errors_);
    if (!tree) return;
    tree_ = std::move(*tree);
    view_ = tree_.view();
  }
  at_ = 0;
  read();
  std::ranges::stable_sort(errors_, {},
                           [](const Error& e) { return std::pair(e.where.at, e.where.column); });
}

void YamlReader::error_at(std::uint32_t node, std::string why) {
  constexpr std::size_t kMostErrors = 100; // a file of noise need not fill the screen
  if (errors_.size() >= kMostErrors) return;
  const YamlPlace place = node < view_.places.size() ? view_.places[node] : YamlPlace{};
  errors_.push_back(
      {Code::bad_value, file_, utf8_from_ansi(why, 2000), Where::text(place.line, place.column)});
}

std::optional<std::string> YamlReader::text(std::string_view expected) {
  if (kind() != Kind::scalar) {
    error(fmt::format("expected {}", expected));
    return std::nullopt;
  }
  if (text_at_cursor().empty()) {
    error(fmt::format("expected {}, found empty text", expected));
    return std::nullopt;
  }
  return std::string(text_at_cursor());
}

std::optional<std::uint64_t> YamlReader::number(std::string_view expected) {
  auto written = text(expected);
  if (!written) return std::nullopt;
  std::string_view digits = *written;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    digits.remove_prefix(2);
  }
  std::uint64_t value = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (failed == std::errc{} && end == digits.data() + digits.size()) return value;
  error(fmt::format("expected {}, found '{}'", expected, *written));
  return std::nullopt;
}

std::optional<bool> YamlReader::boolean(std::string_view expected) {
  if (kind() == Kind::scalar && text_at_cursor() == "true") return true;
  if (kind() == Kind::scalar && text_at_cursor() == "false") return false;
  const std::string wanted = fmt::format("{}: true or false", expected);
  if (auto written = text(wanted)) error(fmt::format("expected {}, found '{}'", wanted, *written));
  return std::nullopt;
}

void YamlReader::each(std::string_view expected, Callback<> item) {
  if (kind() == Kind::nothing) return error(fmt::format("expected {}, found nothing", expected));
  if (kind() != Kind::list) return item();
  const std::uint32_t list = at_, end = view_.nodes[list].end;
  if (end == list + 1) error(fmt::format("expected {}, found an empty list", expected));
  for (at_ = list + 1; at_ < end;) {
    const std::uint32_t next = view_.nodes[at_].end;
    item();
    at_ = next;
  }
  at_ = list;
}

void YamlReader::unknown_key(std::uint32_t key, std::string_view known) {
  error_at(key, fmt::format("unknown key '{}', expected {}", view_.text(key), known));
}

void YamlReader::fields(std::string_view expected, std::span<const Field> fields) {
  auto known = [&] {
    std::string all = fields.size() > 1 ? "one of: " : "";
    for (std::size_t i = 0; i < fields.size(); ++i)
      all.append(i == 0 ? "" : ", ").append(fields[i].key);
    return all;
  };
  if (kind() != Kind::map) return error(fmt::format("expected {} with keys {}", expected, known()));
  const std::uint32_t map = at_, end = view_.nodes[map].end;
  auto each_key = [&](auto&& use) {
    for (std::uint32_t key = map + 1; key < end; key = view_.nodes[key + 1].end) use(key);
  };
  std::uint32_t keys = 0, used = 0;
  each_key([&](std::uint32_t) { ++keys; });
  for (const Field& field : fields) {
    std::uint32_t value = 0;
    each_key([&](std::uint32_t key) {
      if (view_.nodes[key].size != field.key.size() || view_.text(key) != field.key) return;
      ++used;
      if (value != 0) return error_at(key, fmt::format("duplicated mapping key '{}'", field.key));
      value = key + 1;
    });
    if (value != 0) {
      at_ = value;
      field.read();
      at_ = map;
    } else if (field.required) {
      error(fmt::format("{}: missing key '{}'", expected, field.key));
    }
  }
  if (used == keys) return;
  each_key([&](std::uint32_t key) {
    if (std::ranges::find(fields, view_.text(key), &Field::key) == fields.end())
      unknown_key(key, known());
  });
}

std::optional<std::string> YamlReader::one_of(std::string_view expected,
                                              std::span<const std::string_view> known,
                                              Callback<std::string_view> read) {
  if (kind() != Kind::map) {
    error(fmt::format("expected {}, written as 'name: arguments'", expected));
    return std::nullopt;
  }
  const std::uint32_t map = at_, end = view_.nodes[map].end;
  std::optional<std::string> found;
  std::size_t keys = 0;
  for (std::uint32_t key = map + 1; key < end; key = view_.nodes[key + 1].end, ++keys) {
    auto name = std::ranges::find(known, view_.text(key));
    if (name == known.end()) {
      unknown_key(key, fmt::format("one of: {}", fmt::join(known, ", ")));
    } else if (!found) {
      found = std::string(*name);
      at_ = key + 1;
      read(*name);
      at_ = map;
    }
  }
  if (keys != 1) error(fmt::format("expected {} with one key, found {}", expected, keys));
  return found;
}

void YamlReader::text_into(std::string& to, std::string_view expected) {
  if (auto value = text(expected)) to = std::move(*value);
}

void YamlReader::texts_into(std::vector<std::string>& to, std::string_view expected) {
  each(expected, [&] {
    if (auto value = text(expected)) to.push_back(std::move(*value));
  });
}

} // namespace dumptriage::rules
