// What conditions on waiting threads share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {

// Kinds of objects that threads wait for, as the facts name them; one or a list.
void read_object_kinds(YamlReader& yaml, std::vector<std::string>& to);

// Does a thread have a frame in one of these places?  "No" only where its stack is known to the
// end, and, if names are asked for, every frame in those modules bears a sure one.
struct PlaceOnStack {
  Answer answer = Answer::cannot_tell;
  const char* doubt = nullptr; // of a yes
  const evidence::Fact* frame = nullptr;
};
PlaceOnStack find_on_stack(const FactView& facts, const evidence::Fact& thread,
                           const ModuleNames& modules);
PlaceOnStack find_on_stack(const FactView& facts, const evidence::Fact& thread,
                           const FunctionNames& functions);

} // namespace dumptriage::rules
