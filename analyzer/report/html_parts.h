// What the HTML pages share.
#pragma once

#include <string>
#include <string_view>

namespace dumptriage::report::html {

// Text for an element or a quoted attribute.
std::string escaped(std::string_view text);

} // namespace dumptriage::report::html
