// A JSON text against a JSON Schema (draft 7), by valijson.  In a file of its own because valijson
// takes long to compile.
#pragma once

#include <string>
#include <vector>

namespace dumptriage::synth {

// What is wrong, one line each; empty when the text is valid.
std::vector<std::string> schema_errors(const std::string& json, const std::string& schema_path);

} // namespace dumptriage::synth
