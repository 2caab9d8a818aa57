package tfevents

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Scalar is a number of a curve. TensorBoard keeps scalars in single precision.
type Scalar struct {
	// Tag names the curve. TensorBoard groups the tags by the part before the first slash.
	Tag   string
	Value float32
}

// Setting is a value by which runs are compared: an int, a uint64, a float64 or a string.
type Setting struct {
	Key   string
	Value any
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the checksum of records.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// appendRecord appends a message as a record.
func appendRecord(b, message []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(message)))
	b = append(b, length...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(length))
	b = append(b, message...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(message))
}

// versionEvent is the first event of a file.
func versionEvent(at time.Time) []byte {
	return text(event(at, 0), 3, "brain.Event:2") // Event.file_version
}

// startEvent tells that a run begins with a step, or goes on with it: TensorBoard drops what earlier files of
// the run have from that step on.
func startEvent(at time.Time, step int) []byte {
	start := varint(nil, 1, 1)              // SessionLog.status: START
	return bytes(event(at, step), 7, start) // Event.session_log
}

// scalarsEvent has numbers that belong to one step.
func scalarsEvent(at time.Time, step int, scalars []Scalar) []byte {
	var summary []byte
	for _, s := range scalars {
		value := text(nil, 1, s.Tag)                                 // Summary.Value.tag
		value = protowire.AppendTag(value, 2, protowire.Fixed32Type) // Summary.Value.simple_value
		value = protowire.AppendFixed32(value, math.Float32bits(s.Value))
		summary = bytes(summary, 1, value) // Summary.value
	}
	return bytes(event(at, step), 5, summary) // Event.summary
}

// settingsEvent has the settings of a run, for the table HParams of TensorBoard.
func settingsEvent(at time.Time, settings []Setting) []byte {
	var info []byte
	for _, s := range settings {
		entry := text(nil, 1, s.Key)
		entry = bytes(entry, 2, settingValue(s.Value))
		info = bytes(info, 1, entry) // SessionStartInfo.hparams
	}
	info = double(info, 5, seconds(at)) // SessionStartInfo.start_time_secs
	return hparamsEvent(at, "_hparams_/session_start_info", 3, info)
}

// settingValue is a google.protobuf.Value. A number that a float64 does not hold is a text.
func settingValue(value any) []byte {
	number := math.NaN()
	switch v := value.(type) {
	case int:
		number = float64(v)
	case uint64:
		if v <= 1<<53 {
			number = float64(v)
		}
	case float64:
		number = v
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return text(nil, 3, fmt.Sprint(value)) // Value.string_value
	}
	return double(nil, 2, number) // Value.number_value
}

// endEvent tells how a run has ended.
func endEvent(at time.Time, failed bool) []byte {
	status := uint64(1) // STATUS_SUCCESS
	if failed {
		status = 2 // STATUS_FAILURE
	}
	info := double(varint(nil, 1, status), 2, seconds(at)) // SessionEndInfo.status, end_time_secs
	return hparamsEvent(at, "_hparams_/session_end_info", 4, info)
}

// hparamsEvent has a field of HParamsPluginData, in the metadata of a summary whose tensor is empty.
func hparamsEvent(at time.Time, tag string, field protowire.Number, info []byte) []byte {
	plugin := text(nil, 1, "hparams")                   // PluginData.plugin_name
	plugin = bytes(plugin, 2, bytes(nil, field, info))  // PluginData.content
	tensor := varint(nil, 1, 1)                         // TensorProto.dtype: DT_FLOAT
	tensor = bytes(tensor, 2, bytes(nil, 2, nil))       // TensorProto.tensor_shape: one dimension of size 0
	value := text(nil, 1, tag)                          // Summary.Value.tag
	value = bytes(value, 9, bytes(nil, 1, plugin))      // Summary.Value.metadata: SummaryMetadata.plugin_data
	value = bytes(value, 8, tensor)                     // Summary.Value.tensor
	return bytes(event(at, 0), 5, bytes(nil, 1, value)) // Event.summary
}

// event begins an event.
func event(at time.Time, step int) []byte {
	return varint(double(nil, 1, seconds(at)), 2, uint64(step)) // Event.wall_time, step
}

func seconds(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

// double appends a field of type double.
func double(b []byte, field protowire.Number, value float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type),
		math.Float64bits(value))
}

// varint appends an integer or an enumerated value.
func varint(b []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), value)
}

// bytes appends a message or bytes.
func bytes(b []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
}

// text appends a text.
func text(b []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), value)
}
