// Text from a stranger's file, made fit for a message: quoted, shortened, control characters shown as \xNN so that a
// name can neither forge output lines nor reach the terminal as an escape sequence.
#pragma once

#include <string>
#include <string_view>

namespace lacuna {

std::string printable(std::string_view text);  // 'model.layers.0'

}  // namespace lacuna
