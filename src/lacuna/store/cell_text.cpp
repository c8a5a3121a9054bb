#include "lacuna/store/cell_text.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

struct DestroyType {
  void operator()(duckdb_logical_type type) const { duckdb_destroy_logical_type(&type); }
};
using TypeHandle = std::unique_ptr<_duckdb_logical_type, DestroyType>;

std::string take_text(char* text) {
  std::string out(text);
  duckdb_free(text);
  return out;
}

template <typename T>
const T& element(duckdb_vector vector, std::uint64_t row) {
  return static_cast<const T*>(duckdb_vector_get_data(vector))[row];
}

std::string_view string_element(duckdb_vector vector, std::uint64_t row) {
  auto* text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector)) + row;
  return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
}

template <typename Float>
std::string float_text(Float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);  // the shortest text that reads back as the same value
}

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

std::string wide_text(UnsignedWide value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

Wide hugeint_element(duckdb_vector vector, std::uint64_t row) {
  const auto& value = element<duckdb_hugeint>(vector, row);
  return static_cast<Wide>(static_cast<UnsignedWide>(static_cast<std::uint64_t>(value.upper)) << 64U | value.lower);
}

std::string signed_text(Wide value) {
  return value < 0 ? "-" + wide_text(-static_cast<UnsignedWide>(value)) : wide_text(static_cast<UnsignedWide>(value));
}

std::string decimal_text(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  Wide value = 0;
  switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT: value = element<std::int16_t>(vector, row); break;
    case DUCKDB_TYPE_INTEGER: value = element<std::int32_t>(vector, row); break;
    case DUCKDB_TYPE_BIGINT: value = element<std::int64_t>(vector, row); break;
    default: value = hugeint_element(vector, row);
  }
  const std::size_t scale = duckdb_decimal_scale(type);
  std::string digits = wide_text(value < 0 ? -static_cast<UnsignedWide>(value) : static_cast<UnsignedWide>(value));
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - scale, ".");
  return value < 0 ? "-" + digits : digits;
}

std::string date_text(duckdb_date_struct date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, static_cast<int>(date.month), static_cast<int>(date.day));
}

std::string time_text(duckdb_time_struct time) {
  std::string text = fmt::format("{:02}:{:02}:{:02}", static_cast<int>(time.hour), static_cast<int>(time.min),
                                 static_cast<int>(time.sec));
  if (time.micros != 0) {
    text += fmt::format(".{:06}", time.micros);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

std::string timestamp_text(std::int64_t micros) {
  if (!duckdb_is_finite_timestamp({micros})) return micros > 0 ? "infinity" : "-infinity";
  const auto parts = duckdb_from_timestamp({micros});
  return date_text(parts.date) + " " + time_text(parts.time);
}

std::string interval_text(const duckdb_interval& interval) {
  return fmt::format("{} months {} days {} microseconds", interval.months, interval.days, interval.micros);
}

std::string uuid_text(duckdb_vector vector, std::uint64_t row) {
  auto bits = static_cast<UnsignedWide>(hugeint_element(vector, row));
  bits ^= static_cast<UnsignedWide>(1) << 127U;  // DuckDB flips the highest bit so that UUIDs sort as numbers
  const std::string hex =
      fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(bits >> 64U), static_cast<std::uint64_t>(bits));
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

std::string blob_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    const bool plain = value >= 0x20 && value < 0x7F && value != '\\';
    text += plain ? std::string(1, byte) : fmt::format("\\x{:02X}", value);
  }
  return text;
}

std::string enum_text(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  std::uint64_t index = 0;
  switch (duckdb_enum_internal_type(type)) {
    case DUCKDB_TYPE_UTINYINT: index = element<std::uint8_t>(vector, row); break;
    case DUCKDB_TYPE_USMALLINT: index = element<std::uint16_t>(vector, row); break;
    default: index = element<std::uint32_t>(vector, row);
  }
  return take_text(duckdb_enum_dictionary_value(type, index));
}

std::string nested_cell(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  return cell_text(vector, type, row).value_or("NULL");
}

std::string list_text(duckdb_vector child, duckdb_logical_type child_type, std::uint64_t begin, std::uint64_t length) {
  std::string text = "[";
  for (std::uint64_t i = 0; i < length; ++i) {
    if (i > 0) text += ", ";
    text += nested_cell(child, child_type, begin + i);
  }
  return text + "]";
}

std::string struct_text(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  std::string text = "{";
  for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
    const TypeHandle child(duckdb_struct_type_child_type(type, i));
    if (i > 0) text += ", ";
    text += "'" + take_text(duckdb_struct_type_child_name(type, i)) + "': ";
    text += nested_cell(duckdb_struct_vector_get_child(vector, i), child.get(), row);
  }
  return text + "}";
}

// A MAP is stored as a list of (key, value) structs.
std::string map_text(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  const auto& entry = element<duckdb_list_entry>(vector, row);
  const TypeHandle key(duckdb_map_type_key_type(type));
  const TypeHandle value(duckdb_map_type_value_type(type));
  duckdb_vector pairs = duckdb_list_vector_get_child(vector);
  std::string text = "{";
  for (std::uint64_t i = entry.offset; i < entry.offset + entry.length; ++i) {
    if (i > entry.offset) text += ", ";
    text += nested_cell(duckdb_struct_vector_get_child(pairs, 0), key.get(), i) + "=" +
            nested_cell(duckdb_struct_vector_get_child(pairs, 1), value.get(), i);
  }
  return text + "}";
}

std::string value_text(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return element<bool>(vector, row) ? "true" : "false";
    case DUCKDB_TYPE_TINYINT: return std::to_string(element<std::int8_t>(vector, row));
    case DUCKDB_TYPE_SMALLINT: return std::to_string(element<std::int16_t>(vector, row));
    case DUCKDB_TYPE_INTEGER: return std::to_string(element<std::int32_t>(vector, row));
    case DUCKDB_TYPE_BIGINT: return std::to_string(element<std::int64_t>(vector, row));
    case DUCKDB_TYPE_UTINYINT: return std::to_string(element<std::uint8_t>(vector, row));
    case DUCKDB_TYPE_USMALLINT: return std::to_string(element<std::uint16_t>(vector, row));
    case DUCKDB_TYPE_UINTEGER: return std::to_string(element<std::uint32_t>(vector, row));
    case DUCKDB_TYPE_UBIGINT: return std::to_string(element<std::uint64_t>(vector, row));
    case DUCKDB_TYPE_HUGEINT: return signed_text(hugeint_element(vector, row));
    case DUCKDB_TYPE_UHUGEINT: return wide_text(static_cast<UnsignedWide>(hugeint_element(vector, row)));
    case DUCKDB_TYPE_FLOAT: return float_text(element<float>(vector, row));
    case DUCKDB_TYPE_DOUBLE: return float_text(element<double>(vector, row));
    case DUCKDB_TYPE_DECIMAL: return decimal_text(vector, type, row);
    case DUCKDB_TYPE_VARCHAR: return std::string(string_element(vector, row));
    case DUCKDB_TYPE_BLOB: return blob_text(string_element(vector, row));
    case DUCKDB_TYPE_DATE: return date_text(duckdb_from_date(element<duckdb_date>(vector, row)));
    case DUCKDB_TYPE_TIME: return time_text(duckdb_from_time(element<duckdb_time>(vector, row)));
    case DUCKDB_TYPE_TIMESTAMP: return timestamp_text(element<std::int64_t>(vector, row));
    case DUCKDB_TYPE_TIMESTAMP_TZ: return timestamp_text(element<std::int64_t>(vector, row)) + "+00";
    case DUCKDB_TYPE_INTERVAL: return interval_text(element<duckdb_interval>(vector, row));
    case DUCKDB_TYPE_UUID: return uuid_text(vector, row);
    case DUCKDB_TYPE_ENUM: return enum_text(vector, type, row);
    case DUCKDB_TYPE_STRUCT: return struct_text(vector, type, row);
    case DUCKDB_TYPE_MAP: return map_text(vector, type, row);
    case DUCKDB_TYPE_LIST: {
      const TypeHandle child(duckdb_list_type_child_type(type));
      const auto& entry = element<duckdb_list_entry>(vector, row);
      return list_text(duckdb_list_vector_get_child(vector), child.get(), entry.offset, entry.length);
    }
    case DUCKDB_TYPE_ARRAY: {
      const TypeHandle child(duckdb_array_type_child_type(type));
      const std::uint64_t size = duckdb_array_type_array_size(type);
      return list_text(duckdb_array_vector_get_child(vector), child.get(), row * size, size);
    }
    default:
      throw Error(ErrorCode::store_failed, fmt::format("a value of type {} has no text form here", type_text(type)))
          .hint("cast the column, for example column::VARCHAR");
  }
}

const char* plain_type_name(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return "BOOLEAN";
    case DUCKDB_TYPE_TINYINT: return "TINYINT";
    case DUCKDB_TYPE_SMALLINT: return "SMALLINT";
    case DUCKDB_TYPE_INTEGER: return "INTEGER";
    case DUCKDB_TYPE_BIGINT: return "BIGINT";
    case DUCKDB_TYPE_UTINYINT: return "UTINYINT";
    case DUCKDB_TYPE_USMALLINT: return "USMALLINT";
    case DUCKDB_TYPE_UINTEGER: return "UINTEGER";
    case DUCKDB_TYPE_UBIGINT: return "UBIGINT";
    case DUCKDB_TYPE_HUGEINT: return "HUGEINT";
    case DUCKDB_TYPE_UHUGEINT: return "UHUGEINT";
    case DUCKDB_TYPE_FLOAT: return "FLOAT";
    case DUCKDB_TYPE_DOUBLE: return "DOUBLE";
    case DUCKDB_TYPE_VARCHAR: return "VARCHAR";
    case DUCKDB_TYPE_BLOB: return "BLOB";
    case DUCKDB_TYPE_DATE: return "DATE";
    case DUCKDB_TYPE_TIME: return "TIME";
    case DUCKDB_TYPE_TIMESTAMP: return "TIMESTAMP";
    case DUCKDB_TYPE_TIMESTAMP_TZ: return "TIMESTAMP WITH TIME ZONE";
    case DUCKDB_TYPE_INTERVAL: return "INTERVAL";
    case DUCKDB_TYPE_UUID: return "UUID";
    case DUCKDB_TYPE_ENUM: return "ENUM";
    case DUCKDB_TYPE_STRUCT: return "STRUCT";
    case DUCKDB_TYPE_MAP: return "MAP";
    case DUCKDB_TYPE_UNION: return "UNION";
    case DUCKDB_TYPE_BIT: return "BIT";
    case DUCKDB_TYPE_TIME_TZ: return "TIME WITH TIME ZONE";
    case DUCKDB_TYPE_TIMESTAMP_S: return "TIMESTAMP_S";
    case DUCKDB_TYPE_TIMESTAMP_MS: return "TIMESTAMP_MS";
    case DUCKDB_TYPE_TIMESTAMP_NS: return "TIMESTAMP_NS";
    case DUCKDB_TYPE_SQLNULL: return "NULL";
    default: return "UNKNOWN";
  }
}

}  // namespace

std::string type_text(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_DECIMAL:
      return fmt::format("DECIMAL({},{})", static_cast<int>(duckdb_decimal_width(type)),
                         static_cast<int>(duckdb_decimal_scale(type)));
    case DUCKDB_TYPE_LIST: return type_text(TypeHandle(duckdb_list_type_child_type(type)).get()) + "[]";
    case DUCKDB_TYPE_ARRAY:
      return fmt::format("{}[{}]", type_text(TypeHandle(duckdb_array_type_child_type(type)).get()),
                         duckdb_array_type_array_size(type));
    default: return plain_type_name(duckdb_get_type_id(type));
  }
}

CellKind cell_kind(duckdb_logical_type type) {
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: return CellKind::boolean;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL: return CellKind::number;
    default: return CellKind::text;
  }
}

QueryTable::Cell cell_text(duckdb_vector vector, duckdb_logical_type type, std::uint64_t row) {
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) return std::nullopt;
  if (duckdb_get_type_id(type) == DUCKDB_TYPE_SQLNULL) return std::nullopt;
  return value_text(vector, type, row);
}

}  // namespace lacuna
