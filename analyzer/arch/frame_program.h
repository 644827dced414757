// Body of run_frame_program(); included by frame_data.h only.
#pragma once

#include <charconv>
#include <vector>

#include "arch/frame_data.h"

namespace dumptriage::arch {

namespace detail {

// A word on the evaluator's stack: a name until an operator wants its value.
template <class Word> struct FrameWord {
  std::string_view text; // empty: `value`
  Word value = 0;
};

template <class Word>
std::optional<Word> value_of(const FrameWord<Word>& word, const ProgramVariables<Word>& variables) {
  if (word.text.empty()) return word.value;
  if (word.text.front() == '$' || word.text.front() == '.') {
    auto found = variables.find(word.text);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }
  std::int64_t number = 0; // "4", "-1"
  auto [end, error] =
      std::from_chars(word.text.data(), word.text.data() + word.text.size(), number);
  if (error != std::errc() || end != word.text.data() + word.text.size()) return std::nullopt;
  if (sizeof(Word) == 4 && (number < INT32_MIN || number > UINT32_MAX)) return std::nullopt;
  return static_cast<Word>(number);
}

template <class Word> std::optional<Word> compute(char op, Word a, Word b) {
  switch (op) {
  case '+': return a + b;
  case '-': return a - b;
  case '*': return a * b;
  case '/': return b == 0 ? std::nullopt : std::optional(a / b);
  case '%': return b == 0 ? std::nullopt : std::optional(a % b);
  case '@': return b == 0 ? std::nullopt : std::optional(a - a % b);
  default: return std::nullopt;
  }
}

// Programs also name a register by its number in CodeView: "$20 $T0 40 - ^ =".
inline std::string_view register_name(std::string_view name) {
  constexpr std::string_view kNames[] = {"$eax", "$ecx", "$edx", "$ebx",
                                         "$esp", "$ebp", "$esi", "$edi"};
  constexpr int kEax = 17; // CV_REG_EAX
  int number = 0;
  auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  const bool known = error == std::errc() && end == name.data() + name.size() && number >= kEax &&
                     number < kEax + 8;
  return known ? kNames[number - kEax] : name;
}

} // namespace detail

template <class Word, class ReadWord>
bool run_frame_program(std::string_view program, ProgramVariables<Word>& variables,
                       ReadWord&& read_word) {
  constexpr std::size_t kMostWords = 256;
  std::vector<detail::FrameWord<Word>> stack;
  auto pop = [&]() -> std::optional<Word> {
    if (stack.empty()) return std::nullopt;
    auto value = detail::value_of(stack.back(), variables);
    stack.pop_back();
    return value;
  };
  for (std::size_t words = 0; !program.empty(); ++words) {
    if (words == kMostWords) return false;
    const std::size_t space = program.find(' ');
    std::string_view word = program.substr(0, space);
    if (word.size() > 1 && word[0] == '=') // Microsoft's compiler leaves a space out: "+ =$eip"
      word = word.substr(0, 1), program.remove_prefix(1);
    else
      program = space == std::string_view::npos ? "" : program.substr(space + 1);
    if (word.empty()) continue;
    if (word == "=") {
      const auto value = pop();
      if (!value || stack.empty() || !stack.back().text.starts_with('$')) return false;
      variables[std::string(detail::register_name(stack.back().text))] = *value;
      stack.pop_back();
    } else if (word == "^") {
      const auto address = pop();
      const std::optional<Word> value = address ? read_word(*address) : std::nullopt;
      if (!value) return false;
      stack.push_back({{}, *value});
    } else if (word.size() == 1 && std::string_view("+-*/%@").find(word[0]) != word.npos) {
      const auto b = pop(), a = pop();
      const auto value = a && b ? detail::compute(word[0], *a, *b) : std::nullopt;
      if (!value) return false;
      stack.push_back({{}, *value});
    } else {
      stack.push_back({word, 0});
    }
  }
  return stack.empty();
}

} // namespace dumptriage::arch
