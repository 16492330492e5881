//! The picture plane: points, and the place of a shape in it.
//!
//! Unit: the shorter side of the picture is 1. The origin is the middle of the picture, x to the
//! right, y downwards. The centred square therefore runs from -0.5 to 0.5 both ways.

/// A point or a direction in the picture plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct V2 {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

impl V2 {
    pub(crate) const ZERO: Self = Self { x: 0.0, y: 0.0 };

    pub(crate) fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The unit vector of an angle, measured from x towards y.
    pub(crate) fn polar(angle: f32) -> Self {
        Self {
            x: angle.cos(),
            y: angle.sin(),
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            x: self.x - other.x,
            y: self.y - other.y,
        }
    }

    pub(crate) fn times(self, factor: f32) -> Self {
        Self {
            x: self.x * factor,
            y: self.y * factor,
        }
    }

    pub(crate) fn length(self) -> f32 {
        (self.x * self.x + self.y * self.y).sqrt()
    }
}

/// Where a shape lies: first turned, then scaled, then moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) origin: V2,
    pub(crate) scale: f32,
    cos: f32,
    sin: f32,
}

impl Place {
    /// A place at `origin`, turned by `angle` radians, `scale` times the size.
    pub(crate) fn new(origin: V2, angle: f32, scale: f32) -> Self {
        Self {
            origin,
            scale,
            cos: angle.cos(),
            sin: angle.sin(),
        }
    }

    /// The same place after everything has been scaled by `factor` about the middle and moved.
    pub(crate) fn moved(self, factor: f32, offset: V2) -> Self {
        Self {
            origin: self.origin.times(factor).plus(offset),
            scale: self.scale * factor,
            ..self
        }
    }

    /// A point of the picture in the shape's own coordinates.
    pub(crate) fn inward(&self, point: V2) -> V2 {
        let p = point.minus(self.origin);
        let k = 1.0 / self.scale;
        V2::new(
            (p.x * self.cos + p.y * self.sin) * k,
            (p.y * self.cos - p.x * self.sin) * k,
        )
    }

    /// A direction of the shape in the picture.
    pub(crate) fn direction_out(&self, d: V2) -> V2 {
        V2::new(
            d.x * self.cos - d.y * self.sin,
            d.x * self.sin + d.y * self.cos,
        )
    }

    /// A point of the shape in the picture.
    pub(crate) fn outward(&self, point: V2) -> V2 {
        self.direction_out(point)
            .times(self.scale)
            .plus(self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_takes_points_in_and_out_again() {
        let place = Place::new(V2::new(0.2, -0.1), 0.7, 0.35).moved(1.5, V2::new(0.05, 0.3));
        let point = V2::new(0.31, 0.12);
        assert!(place.outward(place.inward(point)).minus(point).length() < 1e-6);
    }
}
