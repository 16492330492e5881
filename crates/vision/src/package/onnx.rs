//! What an ONNX file says about itself: inputs, outputs, operator versions,
//! class labels, and properties. Read without the runtime, so that a package
//! can be explained where no runtime is installed.
//!
//! This reads the few fields of `onnx.proto` (field numbers stated at each use)
//! that a classifier needs. Unknown fields are skipped; weights are passed
//! over, never copied. Broken bytes give an error, not a panic.

mod wire;

use wire::{Fields, Value, name_at, part, text_of};

/// The outline of a model.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct OnnxOutline {
    /// Tool that wrote the file.
    pub(crate) producer: String,
    /// Name of the graph; Custom Vision puts identifiers here.
    pub(crate) graph_name: String,
    /// Version of the default operator set.
    pub(crate) opset: Option<i64>,
    /// Custom properties of the model.
    pub(crate) properties: Vec<(String, String)>,
    /// Inputs that are fed, weights left out.
    pub(crate) inputs: Vec<Port>,
    /// Outputs.
    pub(crate) outputs: Vec<Port>,
    /// Labels of a `ZipMap` operator, in score order.
    pub(crate) labels: Vec<String>,
    /// A file beside the model that some of its weights lie in.
    pub(crate) other_file: Option<String>,
}

/// An input or output.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// Free text; exports of 2018 name the channel order only here.
    pub(crate) doc: String,
    /// Dimensions of a tensor; `None` for one that is open.
    pub(crate) shape: Option<Vec<Option<u32>>>,
}

/// Why bytes are not an ONNX model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOnnx {
    /// The protobuf structure is broken, or ends early.
    #[error("the protobuf structure breaks off near byte {at}")]
    Broken {
        /// Offset inside the message that could not be read.
        at: usize,
    },
    /// It reads as protobuf and has no graph.
    #[error("there is no graph inside")]
    NoGraph,
}

/// Reads the outline.
///
/// # Errors
/// [`NotOnnx`], when the bytes are something else.
pub(crate) fn outline(model: &[u8]) -> Result<OnnxOutline, NotOnnx> {
    let mut found = OnnxOutline::default();
    let mut graph_seen = false;
    // ModelProto: 2 producer_name, 7 graph, 8 opset_import, 14 metadata_props.
    for field in Fields::of(model) {
        match field? {
            (2, Value::Bytes(text)) => found.producer = text_of(text),
            (7, Value::Bytes(graph)) => {
                graph_seen = true;
                read_graph(graph, &mut found)?;
            }
            (8, Value::Bytes(set)) => read_opset(set, &mut found)?,
            (14, Value::Bytes(entry)) => found.properties.push(read_property(entry)?),
            _ => {}
        }
    }
    if graph_seen {
        Ok(found)
    } else {
        Err(NotOnnx::NoGraph)
    }
}

/// GraphProto: 1 node, 2 name, 5 initializer, 11 input, 12 output.
fn read_graph(graph: &[u8], found: &mut OnnxOutline) -> Result<(), NotOnnx> {
    let mut weights = Vec::new();
    for field in Fields::of(graph) {
        match field? {
            (1, Value::Bytes(node)) => read_node(node, found)?,
            (2, Value::Bytes(text)) => found.graph_name = text_of(text),
            (5, Value::Bytes(tensor)) => {
                weights.push(name_at(tensor, 8)?);
                if found.other_file.is_none() {
                    found.other_file = other_file(tensor)?;
                }
            }
            (11, Value::Bytes(port)) => found.inputs.push(read_port(port)?),
            (12, Value::Bytes(port)) => found.outputs.push(read_port(port)?),
            _ => {}
        }
    }
    // Before IR version 4 weights are listed among the inputs.
    found.inputs.retain(|input| !weights.contains(&input.name));
    Ok(())
}

/// TensorProto: 13 external_data (key and value), 14 data_location, where 1 is
/// another file.
fn other_file(tensor: &[u8]) -> Result<Option<String>, NotOnnx> {
    const EXTERNAL: u64 = 1;
    let (mut is_external, mut location) = (false, String::new());
    for field in Fields::of(tensor) {
        match field? {
            (13, Value::Bytes(entry)) => {
                let (key, value) = read_property(entry)?;
                if key == "location" {
                    location = value;
                }
            }
            (14, Value::Number(place)) => is_external = place == EXTERNAL,
            _ => {}
        }
    }
    Ok(is_external.then_some(location))
}

/// NodeProto: 4 op_type, 5 attribute. AttributeProto: 1 name, 9 strings.
fn read_node(node: &[u8], found: &mut OnnxOutline) -> Result<(), NotOnnx> {
    if name_at(node, 4)? != "ZipMap" {
        return Ok(());
    }
    for field in Fields::of(node) {
        let (5, Value::Bytes(attribute)) = field? else {
            continue;
        };
        if name_at(attribute, 1)? != "classlabels_strings" {
            continue;
        }
        for field in Fields::of(attribute) {
            if let (9, Value::Bytes(label)) = field? {
                found.labels.push(text_of(label));
            }
        }
    }
    Ok(())
}

/// ValueInfoProto: 1 name, 2 type, 3 doc_string. TypeProto: 1 tensor_type.
/// TypeProto.Tensor: 2 shape. TensorShapeProto: 1 dim.
fn read_port(port: &[u8]) -> Result<Port, NotOnnx> {
    let mut found = Port::default();
    for field in Fields::of(port) {
        match field? {
            (1, Value::Bytes(text)) => found.name = text_of(text),
            (3, Value::Bytes(text)) => found.doc = text_of(text),
            (2, Value::Bytes(kind)) => {
                if let Some(tensor) = part(kind, 1)? {
                    let shape = part(tensor, 2)?.unwrap_or_default();
                    found.shape = Some(read_shape(shape)?);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// TensorShapeProto.Dimension: 1 dim_value.
fn read_shape(shape: &[u8]) -> Result<Vec<Option<u32>>, NotOnnx> {
    let mut dimensions = Vec::new();
    for field in Fields::of(shape) {
        let (1, Value::Bytes(dimension)) = field? else {
            continue;
        };
        let mut size = None;
        for field in Fields::of(dimension) {
            if let (1, Value::Number(value)) = field? {
                size = u32::try_from(value).ok().filter(|size| *size > 0);
            }
        }
        dimensions.push(size);
    }
    Ok(dimensions)
}

/// OperatorSetIdProto: 1 domain, 2 version. An absent or empty domain is the
/// default one.
fn read_opset(set: &[u8], found: &mut OnnxOutline) -> Result<(), NotOnnx> {
    let mut version = None;
    for field in Fields::of(set) {
        match field? {
            (1, Value::Bytes(domain)) if !domain.is_empty() => return Ok(()),
            (2, Value::Number(number)) => version = i64::try_from(number).ok(),
            _ => {}
        }
    }
    found.opset = found.opset.or(version);
    Ok(())
}

/// StringStringEntryProto: 1 key, 2 value.
fn read_property(entry: &[u8]) -> Result<(String, String), NotOnnx> {
    Ok((name_at(entry, 1)?, name_at(entry, 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_a_model() {
        assert!(outline(b"this is not a model at all").is_err());
        assert_eq!(outline(b""), Err(NotOnnx::NoGraph));
    }

    #[test]
    fn a_length_beyond_the_message_is_refused() {
        // Field 7, length 100, one byte.
        assert_eq!(outline(&[0x3A, 100, 1]), Err(NotOnnx::Broken { at: 2 }));
    }

    #[test]
    fn an_endless_number_is_refused() {
        assert!(outline(&[0xFF; 32]).is_err());
    }

    #[test]
    fn no_prefix_and_no_changed_byte_of_a_model_panics() {
        let model = include_bytes!("../../tests/data/map_output.onnx");
        assert!(outline(model).is_ok());
        for end in 0..model.len() {
            let _ = outline(&model[..end]);
        }
        for at in 0..model.len() {
            let mut changed = model.to_vec();
            changed[at] ^= 0xFF;
            let _ = outline(&changed);
        }
    }

    #[test]
    fn a_map_model_is_outlined() {
        let found = outline(include_bytes!("../../tests/data/map_output.onnx")).unwrap();
        assert_eq!(found.opset, Some(9));
        assert_eq!(found.labels, ["unripe", "ripe", "Negative"]);
        let names: Vec<_> = found.inputs.iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["data"]);
        let shape = [None, Some(3), Some(20), Some(20)];
        assert_eq!(found.inputs[0].shape.as_deref(), Some(&shape[..]));
        assert!(found.inputs[0].doc.contains("BGR"));
    }
}
