// A string as a JSON literal, written as serde_json (and so the safetensors reference) writes it: quotes, backslashes
// and control characters escaped, everything else as it is. The text must be valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace lacuna {

std::string json_text(std::string_view text);  // "\"a\\nb\""

}  // namespace lacuna
