// A restricted pickle interpreter: turns the pickle of a .pt file into a tree of plain values. Nothing is executed.
//
//   bytes ──opcodes──> stack, memo ──STOP──> PickleTree{root, nodes}
//
// It knows the opcodes of protocols 1 to 5 that torch.save emits for tensors in dicts, lists and tuples. Globals come
// from the table in pickle_globals.hpp. REDUCE makes a dict (OrderedDict), a tuple (torch.Size) or a `call` node, which
// is data: pt_objects checks its arguments and makes a view. Everything else that could reach code (INST, OBJ, NEWOBJ,
// EXT, BUILD of anything but an OrderedDict's attributes, persistent ids other than storages) is an error.
//
// Memory   nodes live in one vector and refer to each other by index, so cycles and any depth are harmless to free;
//          all of it is charged to a budget in proportion to the file. Strings are copied once, so that a file
//          rewritten by another program meanwhile cannot change a key that was checked.
// Cost     O(bytes).
// Errors   forbidden_global, corrupt_file, limit_exceeded, unsupported_format, with path and byte offset.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lacuna/formats/memory_budget.hpp"
#include "lacuna/formats/pickle_globals.hpp"

namespace lacuna {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,   // beyond 64 bits; only its presence is kept
  magic_number,  // the integer with which legacy .pt files start
  real,          // only its presence is kept
  string,
  list,
  tuple,
  dict,
  global,
  call,
  persistent_id,
};

struct PickleValue {
  std::int64_t number =
      0;  // boolean, integer: value; string: offset in the tree's text; list … persistent_id: node index
  std::uint32_t length = 0;  // string
  PickleKind kind = PickleKind::none;
};

struct PickleNode {
  PickleKind kind = PickleKind::none;    // list, tuple, dict, global, call or persistent_id
  bool ordered = false;                  // a dict that is an OrderedDict
  const PickleGlobal* global = nullptr;  // of global and call
  std::uint64_t offset = 0;              // of the opcode, in the source
  std::vector<PickleValue> items;        // dict: key, value, key, value, …; call: arguments; persistent_id: its tuple
};

struct PickleTree {
  PickleValue root;
  std::vector<PickleNode> nodes;  // in order of creation: a call's arguments come before it
  std::string text_pool;          // of all strings
  std::uint64_t end = 0;          // offset after STOP

  const PickleNode& node(const PickleValue& value) const { return nodes[static_cast<std::size_t>(value.number)]; }
  std::string_view text(const PickleValue& value) const {  // of a string; valid as long as the tree
    return std::string_view(text_pool).substr(static_cast<std::size_t>(value.number), value.length);
  }
};

bool is_pickle_container(PickleKind kind);  // list, tuple, dict

// Interprets the pickle that begins at `begin`; it must end with STOP before `end`.
PickleTree read_pickle(const ByteSource& source, std::uint64_t begin, std::uint64_t end, MemoryBudget& budget);

}  // namespace lacuna
