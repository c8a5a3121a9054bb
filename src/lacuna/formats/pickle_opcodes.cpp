#include "lacuna/formats/pickle_opcodes.hpp"

namespace lacuna {

std::string_view refused_pickle_opcode(std::uint8_t opcode) {
  switch (opcode) {
    case '0': return "POP";
    case '1': return "POP_MARK";
    case '2': return "DUP";
    case 'F': return "FLOAT";
    case 'S': return "STRING";
    case 'V': return "UNICODE";
    case 'l': return "LIST";
    case 'd': return "DICT";
    case 'g': return "GET";
    case 'p': return "PUT";
    case 'P': return "PERSID";
    case 'i': return "INST";
    case 'o': return "OBJ";
    case 'B': return "BINBYTES";
    case 'C': return "SHORT_BINBYTES";
    case 0x81: return "NEWOBJ";
    case 0x82: return "EXT1";
    case 0x83: return "EXT2";
    case 0x84: return "EXT4";
    case 0x8e: return "BINBYTES8";
    case 0x8f: return "EMPTY_SET";
    case 0x90: return "ADDITEMS";
    case 0x91: return "FROZENSET";
    case 0x92: return "NEWOBJ_EX";
    case 0x96: return "BYTEARRAY8";
    case 0x97: return "NEXT_BUFFER";
    case 0x98: return "READONLY_BUFFER";
    default: return "";
  }
}

bool opcode_reaches_code(std::uint8_t opcode) {
  switch (opcode) {
    case 'P':
    case 'i':
    case 'o':
    case 0x81:
    case 0x82:
    case 0x83:
    case 0x84:
    case 0x92: return true;
    default: return false;
  }
}

}  // namespace lacuna
